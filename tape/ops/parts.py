"""Splits by number and place, and stacks of columns and layers."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tape.core.implementing import implements
from tape.core.traced import raw


@implements(torch.tensor_split, Tensor.tensor_split)
def tensor_split(x: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Into parts of nearly equal sizes, or at indices."""
    places = indices_or_sections
    if isinstance(raw(places), Tensor):
        places = places.tolist()
    size = x.shape[dim]
    if isinstance(places, int):
        if places < 1:
            raise ValueError(f"tensor_split: the number of parts must be positive, and is {places}")
        small, larger = divmod(size, places)
        places = [i * small + min(i, larger) for i in range(1, places)]
    bounds = [slice(start, end).indices(size)[:2] for start, end in zip([0, *places], [*places, size], strict=True)]
    starts, ends = zip(*bounds, strict=True)
    # Nothing is left out, and nothing is in two parts.
    if starts == (0, *ends[:-1]) and ends[-1] == size and tuple(sorted(ends)) == ends:
        return torch.split(x, [end - start for start, end in bounds], dim)
    return tuple(x.narrow(dim, start, max(end - start, 0)) for start, end in bounds)


def _splitting(name: str, least: int, dim: int) -> Any:
    def split(x: Any, indices_or_sections: Any) -> tuple[Any, ...]:
        if x.ndim < least:
            raise ValueError(f"{name}: {least} or more dimensions are needed, not shape {tuple(x.shape)}")
        along = 0 if x.ndim == 1 else dim
        if isinstance(indices_or_sections, int) and x.shape[along] % indices_or_sections:
            raise ValueError(f"{name}: {x.shape[along]} entries cannot be split into {indices_or_sections} equal parts")
        return tensor_split(x, indices_or_sections, along)

    def method(x: Any, *indices: Any) -> tuple[Any, ...]:
        return split(x, indices if len(indices) > 1 else indices[0])

    split.__name__ = method.__name__ = name
    implements(getattr(torch, name))(split)
    implements(getattr(Tensor, name))(method)
    return split


hsplit, vsplit, dsplit = _splitting("hsplit", 1, 1), _splitting("vsplit", 2, 0), _splitting("dsplit", 3, 2)


@implements(torch.dstack)
def dstack(tensors: Sequence[Any]) -> Any:
    return torch.cat([torch.atleast_3d(x) for x in tensors], 2)


@implements(torch.column_stack)
def column_stack(tensors: Sequence[Any]) -> Any:
    return torch.cat([x.reshape(math.prod(x.shape), 1) if x.ndim < 2 else x for x in tensors], 1)
