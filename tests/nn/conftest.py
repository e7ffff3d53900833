"""What the tests of nn share: the judge, which is torch, images of every layout, and a watch over torch's kernels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import tape

FORBIDDEN = ("conv", "pool", "upsample", "interpolate", "mkldnn", "grid_sample")


class _Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.called: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.called.add(str(func))
        return func(*args, **(kwargs or {}))


@contextmanager
def composed() -> Iterator[None]:
    """Fails if one of torch's convolution, pooling or interpolation kernels is called within."""
    with _Watch() as watch:
        yield
    assert watch.called
    kernels = [name for name in watch.called if any(word in name for word in FORBIDDEN)]
    assert not kernels


def doubles(seed: int, *shape: int) -> Tensor:
    """Numbers in (-1, 1), no two of them equal."""
    count = torch.Size(shape).numel()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return ((2 * order + 1.0).double() / count - 1).reshape(shape)


def laid_out(values: Tensor, layout: str) -> Tensor:
    """The same images in another layout; expanded ones repeat their first column."""
    if layout == "channels last":
        return values.movedim(-3, -1).contiguous().movedim(-1, -3)
    if layout == "expanded":
        return values[..., :1].expand(values.shape)
    if layout == "sliced":
        wide = values.new_zeros((*values.shape[:-1], 2 * values.shape[-1] + 1))
        wide[..., 1::2] = values
        return wide[..., 1::2]
    assert layout == "contiguous"
    return values


def compare(ours: Callable[..., Any], theirs: Callable[..., Any], *inputs: Tensor, second: bool = False) -> None:
    """Checks value, gradients and on request the gradients of their squares, and that all of it is composed."""
    required = [x.detach().clone().requires_grad_() for x in inputs]
    expected = theirs(*required)
    with composed():
        plain = ours(*inputs)
        out, pullback = tape.vjp(ours, *inputs)
        g = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).reshape(out.shape)
        cotangents = pullback(g)
    torch.testing.assert_close(plain, expected.detach())
    torch.testing.assert_close(out, plain, rtol=0, atol=0)
    gradients = torch.autograd.grad(expected, required, g, create_graph=second)
    torch.testing.assert_close(cotangents, tuple(gradient.detach() for gradient in gradients))
    if second:
        squares: Any = sum(gradient.square().sum() for gradient in gradients)

        def of_squares(*inputs: Any) -> Any:
            _, pullback = tape.vjp(ours, *inputs)
            return sum(gradient.square().sum() for gradient in pullback(g))

        found = tape.grad(of_squares, tuple(range(len(inputs))))(*inputs)
        torch.testing.assert_close(found, torch.autograd.grad(squares, required, materialize_grads=True))


@pytest.fixture(scope="session", name="compare")
def _compare() -> Callable[..., None]:
    return compare


@pytest.fixture(scope="session", name="doubles")
def _doubles() -> Callable[..., Tensor]:
    return doubles


@pytest.fixture(scope="session", name="laid_out")
def _laid_out() -> Callable[[Tensor, str], Tensor]:
    return laid_out


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
