"""Initial values of parameters: functions of a generator, a shape, and the number of inputs to one output."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

__all__ = ["Initializer", "kaiming_normal", "kaiming_uniform", "uniform_fan_in", "zeros"]

Initializer = Callable[[Generator, Sequence[int], int], Tensor]


def uniform_fan_in(generator: Generator, shape: Sequence[int], fan_in: int) -> Tensor:
    """Uniform between -1/sqrt(fan_in) and 1/sqrt(fan_in), for weights and biases alike.

    >>> bool(uniform_fan_in(torch.Generator().manual_seed(0), (5, 4), 4).abs().max() <= 0.5)
    True
    """
    return _uniform(generator, shape, 1 / math.sqrt(fan_in))


def kaiming_uniform(negative_slope: float = 0.0) -> Initializer:
    """He et al. 2015 (arXiv 1502.01852), for layers that a leaky ReLU of a slope follows: uniform."""
    return lambda generator, shape, fan_in: _uniform(generator, shape, math.sqrt(3) * _he(negative_slope, fan_in))


def kaiming_normal(negative_slope: float = 0.0) -> Initializer:
    """He et al. 2015 (arXiv 1502.01852), for layers that a leaky ReLU of a slope follows: normal."""

    def initialize(generator: Generator, shape: Sequence[int], fan_in: int) -> Tensor:
        return _he(negative_slope, fan_in) * torch.randn(tuple(shape), generator=generator, device=generator.device)

    return initialize


def zeros(generator: Generator, shape: Sequence[int], fan_in: int) -> Tensor:
    """Zeros."""
    return torch.zeros(tuple(shape), device=generator.device)


def _he(negative_slope: float, fan_in: int) -> float:
    return math.sqrt(2 / ((1 + negative_slope**2) * fan_in))


def _uniform(generator: Generator, shape: Sequence[int], bound: float) -> Tensor:
    return bound * (2 * torch.rand(tuple(shape), generator=generator, device=generator.device) - 1)
