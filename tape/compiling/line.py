"""A program as plain data: operations on views of buffers, one after the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.observing import Source

__all__ = ["Buffer", "Given", "Line", "Operation", "View", "buffers_in", "views_in"]


@dataclass(frozen=True)
class View:
    """A tensor as a part of a buffer: its offset counts elements. Torch marks what is still to be conjugated or negated
    when it is read."""

    buffer: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    dtype: torch.dtype
    conj: bool = False
    neg: bool = False

    def of(self, base: Tensor, start: int = 0) -> Tensor:
        """This part of the storage of `base`, in which the buffer begins at a byte where numbers of any dtype may."""
        x = torch.empty((), dtype=self.dtype, device=base.device)
        x.set_(base.untyped_storage(), start // self.dtype.itemsize + self.offset, self.shape, self.stride)
        x = torch._conj(x) if self.conj else x
        return torch._neg_view(x) if self.neg else x

    def is_plain(self, dtype: torch.dtype) -> bool:
        """Whether it reads numbers of a buffer of a dtype as they are."""
        return self.dtype is dtype and not self.conj and not self.neg

    def narrow(self, dim: int, start: int, size: int) -> "View":
        """As `torch.narrow`."""
        shape = (*self.shape[:dim], size, *self.shape[dim + 1 :])
        return replace(self, shape=shape, offset=self.offset + start * self.stride[dim])

    @property
    def bytes(self) -> int:
        """From its first number to behind its last."""
        last = sum((size - 1) * stride for size, stride in zip(self.shape, self.stride, strict=True))
        return (last + 1) * self.dtype.itemsize if all(self.shape) else 0

    def __str__(self) -> str:
        return f"%{self.buffer} {str(self.dtype).removeprefix('torch.')}{list(self.shape)}"


@dataclass(frozen=True)
class Given:
    """A generator among the arguments: which leaf it is."""

    leaf: int

    def __str__(self) -> str:
        return f"argument {self.leaf}"


@dataclass(frozen=True)
class Buffer:
    """Memory that a program works with. An argument's, a tensor's that is there already, or to be planned."""

    bytes: int
    device: torch.device
    argument: int | None = None  # which leaf of the arguments lies in it
    whole: View | None = None  # that leaf, as it was noted
    tensor: Tensor | None = None  # what lies in it: closed over, or made once; read afresh by each call

    @cached_property
    def made(self) -> bool:
        """Whether an operation of the program makes what lies in it."""
        return self.argument is None and self.tensor is None


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of torch; views stand for tensors among its arguments."""

    op: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[View | None, ...]  # None for an output that is no tensor
    written: frozenset[int]  # the buffers that were there before and are changed
    source: Source | None

    @cached_property
    def made(self) -> tuple[View, ...]:
        """The outputs in buffers that were not there before."""
        there = self.written | set(buffers_in((self.args, self.kwargs)))
        return tuple(view for view in self.outputs if view is not None and view.buffer not in there)

    @property
    def random(self) -> bool:
        return torch.Tag.nondeterministic_seeded in self.op.tags

    def __str__(self) -> str:
        return self.listing({})

    def listing(self, places: Mapping[int, int]) -> str:
        """As text, with the places in memory at which buffers begin."""
        given = [_shown(x) for x in self.args] + [f"{name}={_shown(x)}" for name, x in self.kwargs.items()]
        made = ", ".join(f"{x} at {places[x.buffer]}" if x.buffer in places else str(x) for x in self.made)
        return f"{made + ' = ' if made else 'changes '}{self.op}({', '.join(given)})"


@dataclass(frozen=True)
class Line:
    """The operations of a function, in order; prints as text."""

    buffers: dict[int, Buffer]
    operations: tuple[Operation, ...]
    result: Any = field(repr=False)  # with views in place of tensors

    def __str__(self) -> str:
        return self.listing({})

    def listing(self, places: Mapping[int, int]) -> str:
        """As text, with the places in memory at which buffers begin."""
        rows = [(operation.listing(places), operation.source or "") for operation in self.operations]
        wide = max((len(text) for text, _ in rows if len(text) <= 80), default=0)
        lines = [f"{text:<{wide}}  {source}".rstrip() for text, source in rows]
        return "\n".join([*lines, f"returns {_shown(self.result)}"])


def views_in(x: Any) -> Iterator[View]:
    """The views among the leaves of a pytree."""
    return (leaf for leaf in tree.leaves(x) if type(leaf) is View)


def buffers_in(x: Any) -> Iterator[int]:
    return (view.buffer for view in views_in(x))


def _shown(x: Any) -> str:
    if isinstance(x, (tuple, list)):
        return f"[{', '.join(map(_shown, x))}]"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{key!r}: {_shown(value)}" for key, value in x.items()) + "}"
    return str(x) if isinstance(x, (View, Given, torch.dtype, torch.device)) else repr(x)
