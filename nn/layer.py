"""Layers as pairs of functions, and the combinators that make a network out of them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

__all__ = ["Layer", "Params", "Shape", "elementwise", "identity", "parallel", "residual", "serial", "skip"]

Params = dict[str, Any]  # nested; tensors at the leaves
Shape = tuple[int, ...]  # without the batch dimension


class Layer(NamedTuple):
    """A layer, or a whole network.

    `init(generator, shape)` draws parameters for inputs of a shape, which does not count the batch, and returns
    them with the output's shape. `apply(params, x)` is pure, and `x` has the batch as its first dimension. Parameters
    are nested dicts of tensors, of the dtype that the initialisers give them. The idea is that of
    `jax.example_libraries.stax`.

    Any pair will do, as in a layer that learns one factor:

    >>> scale = Layer(lambda generator, shape: ({"factor": torch.tensor(2.0)}, shape), lambda p, x: p["factor"] * x)
    >>> params, shape = scale.init(torch.Generator(), (3,))
    >>> scale.apply(params, torch.ones(1, 3)), shape
    (tensor([[2., 2., 2.]]), (3,))
    """

    init: Callable[[Generator, Shape], tuple[Params, Shape]]
    apply: Callable[[Params, Tensor], Tensor]


def elementwise(f: Callable[[Tensor], Tensor]) -> Layer:
    """A layer without parameters that keeps its input's shape.

    >>> elementwise(torch.tanh).apply({}, torch.zeros(2))
    tensor([0., 0.])
    """
    return Layer(lambda generator, shape: ({}, shape), lambda params, x: f(x))


# For a branch of `parallel` that leaves its input as it is.
identity = elementwise(lambda x: x)


def serial(*layers: Layer, **named: Layer) -> Layer:
    """One layer after the other, as `torch.nn.Sequential`. Parameters stand under the layer's name or position; a
    layer without any is left out.

    Raises ValueError for a name that is a position's too.

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
    after the batch. Parameters and names as in `serial`.

    `init` raises ValueError where the outputs differ in more than their channels.

    >>> parallel(identity, elementwise(torch.neg)).apply({}, torch.tensor([[1.0, 2.0]]))
    tensor([[ 1.,  2., -1., -2.]])
    """
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
    """`serial` of the layers, and the input concatenated to its output along the channels, as in the U-Net.

    `init` raises ValueError where the layers change more of the shape than its channels. Source: Ronneberger,
    Fischer and Brox, "U-Net", 2015, arXiv 1505.04597.

    >>> skip(elementwise(torch.neg)).apply({}, torch.tensor([[1.0, 2.0]]))
    tensor([[-1., -2.,  1.,  2.]])
    """
    inner = serial(*layers, **named)

    def init(generator: Generator, shape: Shape) -> tuple[Params, Shape]:
        params, out = inner.init(generator, shape)
        if out[1:] != shape[1:]:
            raise ValueError(f"skip: the layers turn shape {shape} into {out}, which cannot be concatenated to it")
        return params, (out[0] + shape[0], *shape[1:])

    return Layer(init, lambda params, x: _joined([inner.apply(params, x), x]))


def residual(*layers: Layer, **named: Layer) -> Layer:
    """`serial` of the layers, and the input added to its output.

    `init` raises ValueError where the layers change the shape. Source: He et al., "Deep residual learning for image
    recognition", 2015, arXiv 1512.03385.

    >>> residual(elementwise(torch.square)).apply({}, torch.tensor([[3.0]]))
    tensor([[12.]])
    """
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
