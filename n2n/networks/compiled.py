"""Networks as programs, for images of which many have one size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from torch import Tensor

import tape
from nn import Layer, Params

__all__ = ["compiled"]


@contextmanager
def compiled(network: Layer, *shape: int) -> Iterator[Callable[[Params, Tensor], Tensor]]:
    """The network's function, run as `tape.compile` says, for images of a shape.

    Its program is noted at the first use of a network with a shape and is known afterwards; its memory is given back
    where the context ends.

    >>> import nn, torch
    >>> with compiled(nn.ReLU(), 1, 3) as apply:
    ...     apply({}, torch.tensor([[-1.0, 0.0, 1.0]]))
    tensor([[0., 0., 1.]])
    """
    program = _program(network, shape)
    try:
        yield program
    finally:
        program.release()


@lru_cache(maxsize=8)
def _program(network: Layer, shape: tuple[int, ...]) -> "tape.Compiled[[Params, Tensor], Tensor]":
    return tape.compile(network.apply)
