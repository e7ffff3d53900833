import pytest
import torch
from torch import Tensor

import tape
from tape.ops.precision import in_float32

halves = pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])


@in_float32
def length(x: Tensor, scale: Tensor | float = 1.0) -> tuple[Tensor, torch.dtype]:
    x = x * scale
    return (x * x).sum().sqrt(), x.dtype


@halves
def test_squares_beyond_the_range_of_half_precision(half: torch.dtype) -> None:
    x = torch.tensor([384.0, 512.0], dtype=half)
    value, inside = length(x)
    assert value == 640
    assert value.dtype is half
    assert inside is torch.float32
    gradient = tape.grad(lambda x: length(x)[0])(x)
    torch.testing.assert_close(gradient, torch.tensor([0.6, 0.8], dtype=half))


@halves
def test_a_keyword_is_widened_too(half: torch.dtype) -> None:
    scale = torch.tensor(100.0, dtype=half)
    gradient = tape.grad(lambda s: length(torch.full((2,), 4.0, dtype=half), scale=s)[0])(scale)
    torch.testing.assert_close(gradient, torch.tensor(32**0.5, dtype=half))


@pytest.mark.parametrize("scale", [torch.tensor(2.0), torch.tensor(2.0, dtype=torch.bfloat16)])
def test_dtypes_that_differ_are_promoted_as_torch_has_it(scale: Tensor) -> None:
    x = torch.ones(2, dtype=torch.float16)
    value, inside = length(x, scale)
    assert inside is (x * scale).dtype
    assert value.dtype is inside


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_wider_numbers_keep_their_program(dtype: torch.dtype) -> None:
    def plain(x: Tensor) -> Tensor:
        return (x * x).sum().sqrt()

    x = torch.ones(3, dtype=dtype)
    assert str(tape.trace(in_float32(plain))(x)) == str(tape.trace(plain)(x))
