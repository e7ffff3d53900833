"""Initial values of parameters: functions of a generator, a shape, and the number of inputs to one output.

They are of torch's default dtype, on the generator's device; the same seed gives the same numbers on the CPU.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

__all__ = ["Initializer", "kaiming_normal", "kaiming_uniform", "uniform_fan_in", "zeros"]

# initializer(generator, shape, fan_in) -> a tensor of the shape
Initializer = Callable[[Generator, Sequence[int], int], Tensor]


def uniform_fan_in(generator: Generator, shape: Sequence[int], fan_in: int) -> Tensor:
    """Uniform between -1/sqrt(fan_in) and 1/sqrt(fan_in), for weights and biases alike, as PyTorch's layers begin.

    >>> bool(uniform_fan_in(torch.Generator().manual_seed(0), (5, 4), 4).abs().max() <= 0.5)
    True
    """
    return _uniform(generator, shape, 1 / math.sqrt(fan_in))


def kaiming_uniform(negative_slope: float = 0.0) -> Initializer:
    """Uniform, of variance 2 / ((1 + negative_slope²) fan_in), for layers that a leaky ReLU of this slope follows.

    As `torch.nn.init.kaiming_uniform_`. Source: He et al., "Delving deep into rectifiers", 2015, arXiv 1502.01852.

    >>> draw = kaiming_uniform()
    >>> bool(draw(torch.Generator().manual_seed(0), (100, 6), 6).abs().max() <= 1)  # a variance of 1/3
    True
    """
    return lambda generator, shape, fan_in: _uniform(generator, shape, math.sqrt(3) * _he(negative_slope, fan_in))


def kaiming_normal(negative_slope: float = 0.0) -> Initializer:
    """Like `kaiming_uniform`, normal with the same variance, as `torch.nn.init.kaiming_normal_`.

    >>> draw = kaiming_normal(negative_slope=1.0)
    >>> round(draw(torch.Generator().manual_seed(0), (10000, 4), 4).std().item(), 1)  # a variance of 1/4
    0.5
    """

    def initialize(generator: Generator, shape: Sequence[int], fan_in: int) -> Tensor:
        return _he(negative_slope, fan_in) * torch.randn(tuple(shape), generator=generator, device=generator.device)

    return initialize


def zeros(generator: Generator, shape: Sequence[int], fan_in: int) -> Tensor:
    """Zeros, whatever the generator.

    >>> zeros(torch.Generator(), (3,), 1)
    tensor([0., 0., 0.])
    """
    return torch.zeros(tuple(shape), device=generator.device)


def _he(negative_slope: float, fan_in: int) -> float:
    return math.sqrt(2 / ((1 + negative_slope**2) * fan_in))


def _uniform(generator: Generator, shape: Sequence[int], bound: float) -> Tensor:
    return bound * (2 * torch.rand(tuple(shape), generator=generator, device=generator.device) - 1)
