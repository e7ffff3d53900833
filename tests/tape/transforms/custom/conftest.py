"""What tests of custom_vjp share."""

import pytest
import torch
from torch import Tensor


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
