"""Values that are no floating-point tensors."""

import pytest
import torch
from torch import Tensor

from tape import TapeError, checkpoint, grad, hessian, hvp, jacfwd, jacrev, jvp, vjp
from tests.tape.edges.roads import Derivative, close, every_road


def test_integer_and_boolean_inputs(x: Tensor) -> None:
    index, mask = torch.tensor([2, 0]), torch.tensor([True, False, True])
    f = lambda x, index, mask: (x[index] * 2).sum() + (x * mask).sum()
    _, pullback = vjp(f, x, index, mask)
    expected = torch.tensor([3.0, 0.0, 3.0], dtype=torch.float64)
    close(pullback(torch.ones((), dtype=torch.float64)), (expected, None, None))
    close(jvp(f, (x, index, mask), (x, None, None))[1], (expected * x).sum())
    for transformation in (grad, jacrev, jacfwd, hessian):
        transformation(f, 0)(x, index, mask)
        with pytest.raises(TapeError, match=r"argument 1 is a tensor of torch\.int64, which has no gradient"):
            transformation(f, (0, 1))(x, index, mask)
    with pytest.raises(TapeError, match=r"primal 2 is a tensor of torch\.bool, which has no gradient"):
        hvp(f, (x, x, mask), (x, x, None))


@every_road
def test_complex_numbers(derivative: Derivative, x: Tensor) -> None:
    with pytest.raises(TapeError, match=r"complex128 .*real and the imaginary part"):
        derivative(lambda x: x.sum(), x * 1j)
    with pytest.raises(TapeError, match="complex128; derivatives are of real tensors"):
        derivative(lambda x: (x * 1j).abs().sum(), x)


def test_none_leaves(x: Tensor) -> None:
    p = {"a": None, "x": x, "b": [None, (x, None)]}
    f = lambda p: (p["x"] * p["b"][1][0]).sum()
    like = lambda leaf: {"a": None, "x": leaf, "b": [None, (leaf, None)]}
    close(grad(f)(p), like(x))
    close(jvp(f, (p,), (like(x),))[1], 2 * (x * x).sum())
    close(hvp(f, (p,), (like(x),)), (like(x),))
    close(jacrev(f)(p), like(x))
    close(jacfwd(f)(p), like(x))
    close(grad(checkpoint(f))(p), like(x))
    assert grad(lambda x, nothing: x.sum(), 1)(x, None) is None
    out, pullback = vjp(lambda x: (None, x), x)
    assert out[0] is None
    close(pullback((None, x)), (x,))
    assert jvp(lambda x: (None, x), (x,), (x,))[1][0] is None
