"""Matrix products of every rank and layout."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import tape


@given(
    left=st.sampled_from([(), (2,), (1,), (3, 1), (0,)]),
    right=st.sampled_from([(), (2,), (1,), (1, 2)]),
    rows=st.integers(0, 3) | st.none(),
    inner=st.integers(0, 3),
    columns=st.integers(0, 3) | st.none(),
)
def test_matmul_of_any_ranks(left: Any, right: Any, rows: int | None, inner: int, columns: int | None) -> None:
    if rows is None or columns is None:
        left, right = (left, ()) if rows is not None else ((), right if columns is not None else ())
    elif left and right and left[-1] != right[-1] and 1 not in (left[-1], right[-1]):
        right = ()
    x = torch.rand((*left, *(() if rows is None else (rows,)), inner), dtype=torch.float64)
    y = torch.rand((*right, inner, *(() if columns is None else (columns,))), dtype=torch.float64)
    required = [x.clone().requires_grad_(), y.clone().requires_grad_()]
    expected = required[0] @ required[1]
    out, pullback = tape.vjp(torch.matmul, x, y)
    torch.testing.assert_close(out, expected.detach())
    g = torch.rand(out.shape, dtype=torch.float64)
    torch.testing.assert_close(pullback(g), torch.autograd.grad(expected, required, g))


@pytest.mark.parametrize("weight", [(2, 3), (1, 3), (3,)])
@pytest.mark.parametrize("input", [(3,), (4, 3), (2, 4, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_linear_agrees_with_torch(weight: Any, input: Any, bias: bool, agrees_with_torch: Any) -> None:
    tensors = [torch.rand(input, dtype=torch.float64), torch.rand(weight, dtype=torch.float64)]
    if bias and len(weight) == 2:
        tensors.append(torch.rand(weight[:-1], dtype=torch.float64))
    agrees_with_torch(F.linear, *tensors)


def test_a_product_of_a_value_with_itself(agrees_with_torch: Any) -> None:
    x = torch.rand(3, 3, dtype=torch.float64)
    agrees_with_torch(lambda x: x @ x.T @ x, x)
    agrees_with_torch(lambda x: torch.outer(x[0], x[:, 1]) @ x[2], x)
    agrees_with_torch(lambda x: x[:1].expand(3, 3) @ x[:, :1].expand(3, 3), x)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((3,), (2,)), ((2, 2, 3), (3, 3, 2)), ((), (2,))])
def test_shapes_that_do_not_fit_are_refused(shapes: Any) -> None:
    with pytest.raises(RuntimeError):
        tape.vjp(torch.matmul, *(torch.zeros(shape) for shape in shapes))
