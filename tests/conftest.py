"""Every run of the tests gives the same verdict, on any machine.

Of hypothesis there are two profiles: the default draws the same examples each time, and `--hypothesis-profile intense`
explores, for the long run.
"""

import os

import torch
from hypothesis import HealthCheck, settings

# The tensors of tests are small: a second thread would cost more than it gives, most of all on a busy machine.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

# What commands print must not depend on where the tests are started from: rich and typer read these when they are
# imported, and the processes that tests start inherit them.
for _name in ("COLUMNS", "LINES", "TERMINAL_WIDTH", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
    os.environ.pop(_name, None)

_slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "default", max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=_slow
)
settings.register_profile("intense", max_examples=1000, derandomize=False, deadline=None, suppress_health_check=_slow)
settings.load_profile("default")
