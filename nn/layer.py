"""Layers as pairs of functions, and the combinators that make a network out of them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

__all__ = ["Layer", "Params", "Shape", "elementwise", "identity", "parallel", "residual", "serial", "skip"]

Params = dict[str, Any]
Shape = tuple[int, ...]


class Layer(NamedTuple):
    """A layer, or a whole network.

    `init(generator, shape)` draws parameters for inputs of a shape, which does not count the batch, and returns
    them with the output's shape. `apply(params, x)` is pure. Parameters are nested dicts of tensors.
    """

    init: Callable[[Generator, Shape], tuple[Params, Shape]]
    apply: Callable[[Params, Tensor], Tensor]


def elementwise(f: Callable[[Tensor], Tensor]) -> Layer:
    """A layer without parameters that keeps its input's shape.

    >>> elementwise(torch.tanh).apply({}, torch.zeros(2))
    tensor([0., 0.])
    """
    return Layer(lambda generator, shape: ({}, shape), lambda params, x: f(x))


identity = elementwise(lambda x: x)


def serial(*layers: Layer, **named: Layer) -> Layer:
    """One layer after the other. Parameters stand under the layer's name or position; a layer without any is
    left out.

    >>> from nn.layers import Linear, ReLU
    >>> params, shape = serial(Linear(8), ReLU(), Linear(1)).init(torch.Generator().manual_seed(0), (3,))
    >>> {name: list(layer) for name, layer in params.items()}, shape
    ({'0': ['weight', 'bias'], '2': ['weight', 'bias']}, (1,))
    """
    members = _members(layers, named)

    def init(generator: Generator, shape: Shape) -> tuple[Params, Shape]:
        params: Params = {}
        for name, layer in members.items():
            own, shape = layer.init(generator, shape)
            if own:
                params[name] = own
        return params, shape

    def apply(params: Params, x: Tensor) -> Tensor:
        for name, layer in members.items():
            x = layer.apply(params.get(name, {}), x)
        return x

    return Layer(init, apply)


def parallel(*layers: Layer, **named: Layer) -> Layer:
    """All layers on the same input; their outputs are concatenated along the channels, the first dimension
    after the batch. Parameters as in `serial`."""
    members = _members(layers, named)

    def init(generator: Generator, shape: Shape) -> tuple[Params, Shape]:
        params: Params = {}
        shapes = []
        for name, layer in members.items():
            own, out = layer.init(generator, shape)
            shapes.append(out)
            if own:
                params[name] = own
        if any(out[1:] != shapes[0][1:] for out in shapes):
            raise ValueError(f"outputs of the shapes {shapes} cannot be concatenated along their channels")
        return params, (sum(out[0] for out in shapes), *shapes[0][1:])

    def apply(params: Params, x: Tensor) -> Tensor:
        return _joined([layer.apply(params.get(name, {}), x) for name, layer in members.items()])

    return Layer(init, apply)


def skip(*layers: Layer, **named: Layer) -> Layer:
    """`serial` of the layers, and the input concatenated to its output along the channels."""
    inner = serial(*layers, **named)

    def init(generator: Generator, shape: Shape) -> tuple[Params, Shape]:
        params, out = inner.init(generator, shape)
        if out[1:] != shape[1:]:
            raise ValueError(f"skip: the layers turn shape {shape} into {out}, which cannot be concatenated to it")
        return params, (out[0] + shape[0], *shape[1:])

    return Layer(init, lambda params, x: _joined([inner.apply(params, x), x]))


def residual(*layers: Layer, **named: Layer) -> Layer:
    """`serial` of the layers, and the input added to its output."""
    inner = serial(*layers, **named)

    def init(generator: Generator, shape: Shape) -> tuple[Params, Shape]:
        params, out = inner.init(generator, shape)
        if out != shape:
            raise ValueError(f"residual: the layers turn shape {shape} into {out}, which cannot be added to it")
        return params, shape

    return Layer(init, lambda params, x: x + inner.apply(params, x))


def _joined(outputs: Sequence[Tensor]) -> Tensor:
    """Concatenated along the channels, which are last in memory: whatever comes next finds them there."""
    if outputs[0].ndim != 4:
        return torch.cat(list(outputs), 1)
    return torch.cat([x.permute(0, 2, 3, 1) for x in outputs], 3).permute(0, 3, 1, 2)


def _members(layers: Sequence[Layer], named: dict[str, Layer]) -> dict[str, Layer]:
    members = {str(i): layer for i, layer in enumerate(layers)}
    if members.keys() & named.keys():
        raise ValueError(f"the name {min(members.keys() & named.keys())!r} is a position's too; choose another")
    return members | named
