"""What tests of edges share."""

import pytest
import torch
from torch import Tensor


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
