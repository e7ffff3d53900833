"""Derivatives by central differences, the judge of every rule."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["central_differences", "directional_difference"]

_STEP = 1e-5


def central_differences(
    f: Callable[..., Sequence[Any]], inputs: Sequence[Tensor], cotangents: Sequence[Any]
) -> list[Tensor]:
    """The gradient of the inner product of `f`'s outputs with `cotangents`, entry by entry.

    The inputs are float64 tensors. Each entry moves by 1e-5 either way, so the result is right to about 1e-9.
    """
    gradients = []
    for i, x in enumerate(inputs):
        gradient = torch.zeros_like(x)
        for entry in range(x.numel()):
            direction = [torch.zeros_like(other) for other in inputs]
            direction[i].view(-1)[entry] = 1.0
            gradient.view(-1)[entry] = directional_difference(f, inputs, direction, cotangents)
        gradients.append(gradient)
    return gradients


def directional_difference(
    f: Callable[..., Sequence[Any]],
    inputs: Sequence[Tensor],
    direction: Sequence[Tensor],
    cotangents: Sequence[Any],
) -> Tensor:
    """The derivative of the same inner product along a direction, as a 0-d tensor."""
    ahead = f(*[x + _STEP * d for x, d in zip(inputs, direction, strict=True)])
    behind = f(*[x - _STEP * d for x, d in zip(inputs, direction, strict=True)])
    return (inner(ahead, cotangents) - inner(behind, cotangents)) / (2 * _STEP)


def inner(values: Sequence[Any], cotangents: Sequence[Any]) -> Tensor:
    """The sum of all products; what has no cotangent does not count."""
    total = torch.zeros((), dtype=torch.float64)
    for value, cotangent in zip(values, cotangents, strict=True):
        if cotangent is not None:
            total = total + (value * cotangent).sum()
    return total
