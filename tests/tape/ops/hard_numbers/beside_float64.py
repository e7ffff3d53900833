"""The judge of these tests: the same function in float64, from which an engine may be no farther than torch is."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import tape

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
SIZES = (
    0.0,
    1e-40,
    1e-8,
    1e-4,
    1e-2,
    0.3,
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    300.0,
    1e4,
    65504.0,
    1e7,
    1e18,
    2e38,
)


def numbers(dtype: torch.dtype, *, negative: bool = True, most: float = float("inf")) -> Tensor:
    """Numbers of every size that a dtype has, and 0."""
    sizes = [size for size in SIZES if size <= min(torch.finfo(dtype).max, most)]
    x = torch.tensor([*sizes, torch.finfo(dtype).tiny, torch.finfo(dtype).eps], dtype=torch.float64).to(dtype)
    return torch.unique(torch.cat([x, -x]) if negative else x)


def pairs(dtype: torch.dtype, *, negative: bool = True, most: float = float("inf")) -> tuple[Tensor, Tensor]:
    """Every pair of `numbers`."""
    x = numbers(dtype, negative=negative, most=most)
    return x.repeat_interleave(len(x)), x.repeat(len(x))


def no_worse_than_torch(f: Callable[..., Any], *inputs: Tensor, second: bool = True, together: bool = False) -> None:
    """Checks value, gradient and the gradient of its sum: as near to float64 as torch's, or within four roundings, and
    finite where torch's are. An error counts beside the number itself, or `together` beside the largest of all."""
    ours, torchs = _by_tape(f, inputs, second, together), _by_torch(f, inputs, second, together)
    exact = _by_torch(f, [x.double() for x in inputs], second, together)
    names = ["value", *(f"{order} {i}" for order in ("gradient", "second") for i in range(len(inputs)))]
    slopes = sum(torch.nan_to_num(g.double()).abs() for g in exact[1 : len(inputs) + 1] if g.shape == inputs[0].shape)
    for i, (name, got, theirs, right) in enumerate(zip(names, ours, torchs, exact, strict=False)):
        assert got.dtype is theirs.dtype
        assert got.shape == theirs.shape
        limits = torch.finfo(got.dtype)
        size = right.abs()
        if i > len(inputs):  # a second derivative is a difference of what has the first one's size
            size = size + slopes / inputs[i - len(inputs) - 1].double().abs().clamp(min=1)
        if together:
            size = torch.nan_to_num(size).max().expand_as(size)
        allowed = 2 * (theirs.double() - right).abs() + 4 * limits.eps * size + 2 * limits.tiny + 1e-14
        inside = theirs.isfinite() & right.isfinite() & (right.abs() <= limits.max)
        wrong = inside & ~((got.double() - right).abs() <= allowed)
        if wrong.any():
            first = int(wrong.reshape(-1).nonzero()[0])
            shown = [float(z.reshape(-1)[first]) for z in (got, theirs, right)]
            at = [float(x.reshape(-1)[first]) for x in inputs] if got.shape == inputs[0].shape else first
            raise AssertionError(f"{name} at {at}: {shown[0]}, torch's {shown[1]}, in float64 {shown[2]}")


def _by_torch(f: Callable[..., Any], inputs: Sequence[Tensor], second: bool, uneven: bool) -> list[Tensor]:
    required = [x.clone().requires_grad_() for x in inputs]
    out = f(*required)
    gradients = torch.autograd.grad(out, required, _cotangent(out, uneven), create_graph=second, materialize_grads=True)
    seconds: tuple[Tensor, ...] = ()
    if second:
        total = sum(g.sum() for g in gradients)
        assert isinstance(total, Tensor)
        seconds = (
            torch.autograd.grad(total, required, materialize_grads=True)
            if total.requires_grad
            else tuple(torch.zeros_like(x) for x in inputs)
        )
    return [z.detach() for z in (out, *gradients, *seconds)]


def _by_tape(f: Callable[..., Any], inputs: Sequence[Tensor], second: bool, uneven: bool) -> list[Tensor]:
    def gradients(*inputs: Any) -> Any:
        out, pullback = tape.vjp(f, *inputs)
        return out, pullback(_cotangent(out, uneven))

    out, first = gradients(*inputs)
    if not second:
        return [out, *first]
    every = tuple(range(len(inputs)))
    return [out, *first, *tape.grad(lambda *xs: sum(g.sum() for g in gradients(*xs)[1]), every)(*inputs)]


def _cotangent(out: Any, uneven: bool) -> Tensor:
    """Where entries depend on each other, equal cotangents may cancel to nothing but rounding."""
    if not uneven:
        return torch.ones(out.shape, dtype=out.dtype)
    return torch.linspace(0.5, 2, out.numel(), dtype=torch.float64).reshape(out.shape).to(torch.bfloat16).to(out.dtype)
