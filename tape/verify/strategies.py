"""Hypothesis strategies for test suites: tensors and what goes with them."""

from collections.abc import Sequence
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from tape import tree
from tape.core.traced import raw
from tape.verify.drawing import away
from tape.verify.layouts import LAYOUTS, laid_out

__all__ = ["broadcastable_shapes", "cotangents", "dims", "indices", "layouts", "shapes", "tensors"]

Shape = tuple[int, ...]


def shapes(min_dims: int = 0, max_dims: int = 3, min_size: int = 0, max_size: int = 3) -> st.SearchStrategy[Shape]:
    """Shapes as tuples, their dimensions and sizes between bounds that count in; the smallest first.

    >>> from hypothesis import find
    >>> find(shapes(), lambda shape: len(shape) == 2 and 3 in shape)
    (0, 3)
    """
    return st.lists(st.integers(min_size, max_size), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable_shapes(
    draw: st.DrawFn, count: int = 2, max_dims: int = 3, min_size: int = 0, max_size: int = 3
) -> tuple[Shape, ...]:
    """`count` shapes that broadcast together.

    >>> from hypothesis import find
    >>> find(broadcastable_shapes(), lambda pair: pair[0] != pair[1])
    ((), (0,))
    """
    whole = draw(shapes(0, max_dims, min_size, max_size))
    drawn = []
    for _ in range(count):
        kept = draw(st.integers(0, len(whole)))
        drawn.append(tuple(draw(st.sampled_from([size, 1])) for size in whole[len(whole) - kept :]))
    return tuple(drawn)


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: Shape | st.SearchStrategy[Shape] | None = None,
    dtype: torch.dtype = torch.float64,
    low: float = -2.0,
    high: float = 2.0,
    kinks: Sequence[float] = (),
    distinct: bool = False,
) -> Tensor:
    """Floating-point tensors with entries between `low` and `high`, at a small distance from each of `kinks`, and
    with `distinct` from each other. `shape` is one or a strategy for them; `shapes()` if None.

    >>> from hypothesis import find
    >>> find(tensors((2,), low=1.0), lambda x: True).shape
    torch.Size([2])
    """
    if not isinstance(shape, tuple):
        shape = draw(shapes() if shape is None else shape)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1), label="seed"))
    unit = torch.rand(shape, generator=generator, dtype=torch.float64)
    if distinct:
        order = torch.randperm(unit.numel(), generator=generator).reshape(shape)
        unit = (order + 0.25 + 0.5 * unit) / max(unit.numel(), 1)
    return away(low + (high - low) * unit, kinks).to(dtype)


def layouts(x: Tensor, repeating: bool = False) -> st.SearchStrategy[Tensor]:
    """The same tensor in other layouts: transposed, sliced, at an offset into its memory. With `repeating` also
    expanded along its last dimension, which repeats its first entry there.

    >>> from hypothesis import find
    >>> find(layouts(torch.eye(2)), lambda x: not x.is_contiguous())
    tensor([[1., 0.],
            [0., 1.]])
    """
    names = [name for name in LAYOUTS if repeating or name != "expanded"]
    return st.sampled_from(names).map(lambda name: laid_out(x, name))


@st.composite
def indices(draw: st.DrawFn, shape: Sequence[int]) -> tuple[Any, ...]:
    """Indices into a tensor of a shape: integers, slices, None, an ellipsis, and int64 tensors that broadcast.

    >>> from hypothesis import find
    >>> find(indices((3, 2)), lambda index: [type(part) for part in index] == [int, int])
    (0, 0)
    """
    parts: list[Any] = []
    lengths = st.sampled_from((1, draw(st.integers(1, 3), label="length")))
    for size in shape[: draw(st.integers(0, len(shape)), label="dimensions")]:
        if size == 0:
            parts.append(slice(None))
            continue
        one = st.integers(-size, size - 1)
        length = draw(lengths)
        several = st.lists(one, min_size=length, max_size=length).map(lambda places: torch.tensor(places))
        forwards = st.slices(size).filter(lambda s: (s.step or 1) > 0)  # torch has no steps backwards
        parts.append(draw(st.one_of(one, forwards, several)))
    if draw(st.booleans(), label="a new dimension"):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if draw(st.booleans(), label="an ellipsis"):
        parts.append(Ellipsis)
    return tuple(parts)


@st.composite
def dims(draw: st.DrawFn, rank: int) -> int | Shape | None:
    """What a reduction takes for `dim`: one dimension or several different ones, counted from either end, or None.

    >>> from hypothesis import find
    >>> find(dims(3), lambda dim: isinstance(dim, tuple) and len(dim) == 2)
    (0, 1)
    """
    if rank == 0:
        return None
    chosen = draw(st.lists(st.integers(0, rank - 1), unique=True, max_size=rank))
    signed = tuple(d - rank if draw(st.booleans(), label="negative") else d for d in chosen)
    if not signed:
        return None
    return signed[0] if len(signed) == 1 and draw(st.booleans(), label="one") else signed


@st.composite
def cotangents(draw: st.DrawFn, output: Any) -> Any:
    """Cotangents for an output, a pytree: tensors of the same shapes and dtypes in any layout, None for others.

    >>> from hypothesis import find
    >>> find(cotangents({"y": torch.zeros(2), "order": torch.tensor([1, 0])}), lambda g: True)["order"] is None
    True
    """

    def one(y: Any) -> Tensor | None:
        plain = raw(y)
        if not (isinstance(plain, Tensor) and plain.is_floating_point()):
            return None
        return draw(layouts(draw(tensors(tuple(plain.shape), plain.dtype)), repeating=True))

    return tree.map(one, output)
