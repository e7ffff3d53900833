"""What tests of checkpoint share."""

import pytest
import torch
from torch import Tensor


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([0.5, -0.25, 1.5], dtype=torch.float64)
