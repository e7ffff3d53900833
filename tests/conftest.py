"""Two hypothesis profiles: a quick default, and `--hypothesis-profile intense` for the long run."""

import os

import torch
from hypothesis import HealthCheck, settings

# Two test runs on one machine should not fight over its cores.
torch.set_num_threads(min(2, os.cpu_count() or 1))

_slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("default", max_examples=25, deadline=None, suppress_health_check=_slow)
settings.register_profile("intense", max_examples=1000, deadline=None, suppress_health_check=_slow)
settings.load_profile("default")
