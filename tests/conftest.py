"""Two hypothesis profiles: a quick default, and `--hypothesis-profile intense` for the long run."""

import os

import torch
from hypothesis import HealthCheck, settings

# The tensors of tests are small: a second thread would cost more than it gives, most of all on a busy machine.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

_slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("default", max_examples=25, deadline=None, suppress_health_check=_slow)
settings.register_profile("intense", max_examples=1000, deadline=None, suppress_health_check=_slow)
settings.load_profile("default")
