from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape


@pytest.mark.parametrize("f", [torch.softmax, torch.log_softmax])
def test_large_logits(f: Any, agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(lambda x: f(x, 0), doubles(1000, 999, -1000))


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax, F.softmin])
def test_a_dimension_must_be_named(f: Any) -> None:
    with pytest.raises(ValueError, match="give the dimension"):
        tape.vjp(f, torch.ones(2))
