"""Products, determinants and triangles of matrices of every size."""

import pytest
import torch
from torch import Tensor

import tape
from tests.tape.ops.hard_numbers.beside_float64 import DTYPES, no_worse_than_torch

dtypes = pytest.mark.parametrize("dtype", DTYPES)


def drawn(*shape: int, size: float = 1.0, dtype: torch.dtype = torch.float32) -> Tensor:
    return (size * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).to(dtype)


def test_products_of_a_batch_may_each_pass_float16_where_their_sum_does_not() -> None:
    x, a = torch.zeros(1, 1, dtype=torch.float16), torch.full((2, 1, 1), 300.0, dtype=torch.float16)
    b = a * torch.tensor([1.0, -1.0], dtype=torch.float16).reshape(2, 1, 1)
    value, gradients = tape.value_and_grad(lambda *args: torch.addbmm(*args).sum(), (0, 1, 2))(x, a, b)
    assert value == 0
    assert [g.flatten().tolist() for g in gradients] == [[1.0], [300.0, -300.0], [300.0, 300.0]]


def test_what_is_between_several_factors_may_pass_float16() -> None:
    a, b = torch.full((1, 4), 256.0, dtype=torch.float16), torch.full((4, 1), 256.0, dtype=torch.float16)
    c = torch.full((1, 1), 2.0**-12, dtype=torch.float16)
    value, gradients = tape.value_and_grad(lambda *factors: torch.linalg.multi_dot(factors).sum(), (0, 1, 2))(a, b, c)
    assert value == 64
    assert gradients[0].tolist() == [[0.0625] * 4]
    assert gradients[2].isinf().all()  # it is 2 ** 18


@pytest.mark.parametrize("n", [2, 3, 4, 6])
@pytest.mark.parametrize("size", [1e-6, 1e-2, 1.0, 300.0, 1e6])
def test_determinants(n: int, size: float) -> None:
    no_worse_than_torch(torch.linalg.det, drawn(n, n, size=size), together=True)
    nearly_equal = (size + 0.01 * drawn(n, n, size=size)).contiguous()
    no_worse_than_torch(torch.linalg.det, nearly_equal, second=False, together=True)


def test_a_determinant_whose_products_pass_the_range_may_be_0() -> None:
    x = torch.full((3, 3), 1e37)
    value, gradient = tape.value_and_grad(torch.linalg.det)(x)
    assert value == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("size", [1e-40, 1e-6, 1.0, 1e6, 1e30])
def test_triangles(size: float, upper: bool) -> None:
    a = drawn(3, 3, size=size) + size * 4 * torch.eye(3)
    no_worse_than_torch(
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=upper), a, drawn(3, 2), second=False, together=True
    )


def test_a_singular_triangle_gives_quotients_by_0_as_in_torch() -> None:
    a, b = torch.diag(torch.tensor([2.0, 0.0])), torch.tensor([[1.0], [3.0]])
    value, pullback = tape.vjp(lambda a, b: torch.linalg.solve_triangular(a, b, upper=False), a, b)
    assert value.tolist() == [[0.5], [torch.inf]]
    assert pullback(torch.ones(2, 1))[1][1].isinf()
