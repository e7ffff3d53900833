"""Normalisation by mean and variance, in float32 for half precision.

Statistics that are kept and changed from call to call are refused.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.ops.precision import in_float32
from tape.ops.variance import centred


@op(case(real("a b c"), dim=((0,), (-1,), (0, 1)), eps=(1e-5, 0.5), sizes={"a": (1, 3), "b": (1, 3), "c": (1, 3)}))
def root_mean_square(x: Tensor, *, dim: tuple[int, ...], eps: float) -> Tensor:
    """The root of eps and the mean of the squares; the dimensions stay, at size 1."""
    return torch.sqrt(torch.mean(torch.square(x), dim, keepdim=True) + eps)


# Of numbers of order 1, where the cube of a reciprocal root would be out of range.
root_mean_square.defvjp(x=lambda g, x, ans, dim: g * (x / ans) / math.prod(x.shape[d] for d in dim))


@op(case(real("a b"), real("a 1", low=0.5), real("b")))
def rescaled(x: Tensor, size: Tensor, weight: Tensor) -> Tensor:
    """x over its size, times a weight."""
    return x / size * weight


# In this order a weight that is too small to multiply a cotangent multiplies one of order 1 / size.
rescaled.defvjp(
    x=lambda g, size, weight: g / size * weight,
    size=lambda g, x, size, weight: -(g / size * weight) * (x / size),
    weight=lambda g, x, size: g * (x / size),
)


def _standardised(x: Any, dims: tuple[int, ...], eps: float, weight: Any = None, bias: Any = None) -> Any:
    """Without mean, over the root of the mean square, times `weight`, plus `bias`."""
    rest = centred(x, dim=dims)
    return _over_size(rest, root_mean_square(rest, dim=dims, eps=eps), weight, bias)


def _over_size(x: Any, size: Any, weight: Any, bias: Any = None) -> Any:
    x = x / size if weight is None else rescaled(x, size, weight)
    return x if bias is None else x + bias


def _last(name: str, x: Any, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape or tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(f"{name}: an input of shape {tuple(x.shape)} does not end in the normalized shape {shape}")
    return tuple(range(-len(shape), 0))


def _per_channel(parameter: Any, x: Any) -> Any:
    return None if parameter is None else parameter.reshape((-1,) + (1,) * (x.ndim - 2))


@implements(F.layer_norm, torch.layer_norm)
@in_float32
def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Over the last dimensions, those of `normalized_shape`."""
    return _standardised(input, _last("layer_norm", input, normalized_shape), eps, weight, bias)


@implements(F.rms_norm, torch.rms_norm)
@in_float32
def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """Divided by the root of the mean square over the last dimensions; eps is the dtype's if not given, as in torch
    float32's for half precision."""
    dims = _last("rms_norm", input, normalized_shape)
    small = torch.finfo(input.dtype).eps if eps is None else eps
    return _over_size(input, root_mean_square(input, dim=dims, eps=small), weight)


@implements(F.group_norm)
@in_float32
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Over each group of channels of each example."""
    if input.ndim < 2 or input.shape[1] % num_groups:
        raise ValueError(
            f"group_norm: the channels of shape {tuple(input.shape)} do not divide into {num_groups} groups"
        )
    inside = input.shape[1] // num_groups
    grouped = input.reshape(input.shape[0], num_groups, inside, math.prod(input.shape[2:]))
    by_group = [None if p is None else p.reshape(num_groups, inside, 1) for p in (weight, bias)]
    return _standardised(grouped, (2, 3), eps, *by_group).reshape(input.shape)


@implements(F.instance_norm)
@in_float32
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Over each channel of each example. Without running statistics the momentum has no part."""
    if running_mean is not None or running_var is not None or not use_input_stats:
        raise NotImplementedError("instance_norm: running statistics are not supported; leave them out")
    dims = tuple(range(2, input.ndim))
    return _standardised(input, dims, eps, _per_channel(weight, input), _per_channel(bias, input))


@implements(F.batch_norm)
@in_float32
def batch_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """With running statistics when not training, with the batch's when training without running statistics.

    Neither changes anything, so that the momentum has no part; training with running statistics would.
    """
    if training:
        if running_mean is not None or running_var is not None:
            raise NotImplementedError(
                "batch_norm: training=True changes running statistics in place, which is not recorded; "
                "leave them out and average the batches' statistics yourself"
            )
        dims = (0, *range(2, input.ndim))
        return _standardised(input, dims, eps, _per_channel(weight, input), _per_channel(bias, input))
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm: running_mean and running_var are needed unless training=True")
    rest = input - _per_channel(running_mean, input)
    size = torch.sqrt(_per_channel(running_var, input) + eps)
    return _over_size(rest, size, _per_channel(weight, input), _per_channel(bias, input))
