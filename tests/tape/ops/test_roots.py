"""The root that is differentiable at 0."""

import pytest
import torch

import tape
from tape.ops.roots import root


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_the_derivatives_at_zero_are_zero(dtype: torch.dtype) -> None:
    x = torch.tensor([0.0, 4.0], dtype=dtype)
    torch.testing.assert_close(tape.grad(lambda x: root(x).sum())(x), torch.tensor([0.0, 0.25], dtype=dtype))
    second = tape.grad(lambda x: tape.grad(lambda x: root(x).sum())(x).sum())(x)
    torch.testing.assert_close(second, torch.tensor([0.0, -1 / 32], dtype=dtype))
