"""Activation functions of torch.nn.functional, composed; at a kink they have torch's derivative.

Those that draw random numbers are refused while they would: randomness comes from a generator that the caller
passes on.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw
from tape.ops.precision import in_float32


@implements(F.elu)
@in_float32
def elu(input: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, alpha (exp(x) - 1) elsewhere; the derivative at 0 is alpha."""
    return _elu(input, alpha, 1.0, 1.0)


@implements(F.selu, torch.selu)
@in_float32
def selu(input: Any) -> Any:
    """`elu` with the alpha and the scale that keep mean 0 and variance 1."""
    return _elu(input, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0)


@implements(F.celu, torch.celu)
@in_float32
def celu(input: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, alpha (exp(x / alpha) - 1) elsewhere; the derivative at 0 is 1."""
    return _elu(input, alpha, 1.0, 1.0 / alpha)


def _elu(x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    below = x < 0
    curve = torch.expm1(torch.where(below, x, 0.0) * input_scale) * (alpha * scale)
    # At 0 a line with the curve's slope, so that the second derivative there is torch's 0.
    line = torch.where(x > 0, x * scale, x * (alpha * scale * input_scale))
    return torch.where(below, curve, line)


@implements(F.gelu)
@in_float32
def gelu(input: Any, approximate: str = "none") -> Any:
    """x times the normal distribution function, or with approximate="tanh" an approximation by tanh."""
    if approximate == "none":
        return input * torch.special.ndtr(input)
    if approximate == "tanh":
        return gelu_by_tanh(input)
    raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")


@op(case(real()))
def gelu_by_tanh(x: Tensor) -> Tensor:
    """x (1 + tanh(a x + b x^3)) / 2; a cube of its own would overflow where torch's does not."""
    return F.gelu(x, approximate="tanh")


@in_float32
def _gelu_by_tanh(g: Any, x: Any) -> Any:
    # The gate (1 + tanh(y / 2)) / 2 is a sigmoid of y, and of -y what it lacks of 1: neither is a difference.
    linear, cubic = math.sqrt(8 / math.pi), math.sqrt(8 / math.pi) * 0.044715
    square = x * x
    inner = x * (linear + cubic * square)
    gate = torch.sigmoid(inner)
    return g * (gate + gate * torch.sigmoid(-inner) * x * (linear + 3 * cubic * square))


gelu_by_tanh.defvjp(x=_gelu_by_tanh)


@implements(F.silu)
@in_float32
def silu(input: Any) -> Any:
    return input * torch.sigmoid(input)


@implements(F.mish)
@in_float32
def mish(input: Any) -> Any:
    return input * torch.tanh(F.softplus(input))


@implements(F.hardtanh)
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """The derivative at an edge is 0."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is greater than max_val {max_val}")
    inside = (input > min_val) & (input < max_val)
    return torch.where(inside, input, torch.clamp(raw(input), min_val, max_val))


@implements(F.relu6)
def relu6(input: Any) -> Any:
    """The derivative at 0 and 6 is 0."""
    return hardtanh(input, 0.0, 6.0)


@implements(F.hardsigmoid)
@in_float32
def hardsigmoid(input: Any) -> Any:
    """relu6(x + 3) / 6; the derivative at an edge is 0."""
    return hardtanh(input + 3, 0.0, 6.0) / 6


@implements(F.hardswish)
@in_float32
def hardswish(input: Any) -> Any:
    """x hardsigmoid(x); the derivative is 0 at -3, 1 at 3."""
    middle = input * (input + 3) / 6
    return torch.where(input <= -3, 0.0, torch.where(input < 3, middle, input))


@implements(F.softsign)
@in_float32
def softsign(input: Any) -> Any:
    return input / (1 + torch.abs(input))


@implements(F.tanhshrink)
@in_float32
def tanhshrink(input: Any) -> Any:
    return input - torch.tanh(input)


@implements(F.softshrink)
@in_float32
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """The derivative at an edge is 0."""
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must not be negative, and is {lambd}")
    return torch.where(input > lambd, input - lambd, torch.where(input < -lambd, input + lambd, input * 0))


@implements(F.hardshrink, torch.hardshrink, Tensor.hardshrink)
def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """The derivative at an edge is 0."""
    return torch.where((input >= -lambd) & (input <= lambd), 0.0, input)


@implements(F.threshold)
def threshold(input: Any, threshold: float, value: float) -> Any:
    """x where it exceeds the threshold; the derivative at it is 0."""
    return torch.where(input <= threshold, float(value), input)


@implements(F.prelu, torch.prelu, Tensor.prelu)
@in_float32
def prelu(input: Any, weight: Any) -> Any:
    """x where it is positive, weight x elsewhere, with one weight or one for each channel; at 0 the weight."""
    if weight.ndim == 1 and weight.shape[0] > 1:
        if input.ndim < 2 or input.shape[1] != weight.shape[0]:
            raise ValueError(
                f"prelu: {weight.shape[0]} weights for an input of shape {tuple(input.shape)}; there must be one, "
                "or as many as channels"
            )
        weight = weight.reshape((-1,) + (1,) * (input.ndim - 2))
    elif math.prod(weight.shape) == 1:
        weight = weight.reshape(())
    positive = raw(input) > 0
    return torch.where(positive, input, weight * torch.where(positive, 0.0, input))


@implements(F.glu)
@in_float32
def glu(input: Any, dim: int = -1) -> Any:
    if input.shape[dim] % 2:
        raise ValueError(f"glu: dimension {dim} of size {input.shape[dim]} cannot be halved")
    value, gate = torch.chunk(input, 2, dim)
    return value * torch.sigmoid(gate)


@implements(F.rrelu)
def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    if training:
        raise NotImplementedError(_RANDOM.format("rrelu"))
    return F.leaky_relu(input, (lower + upper) / 2)


_RANDOM = (
    "{} with training=True draws random numbers without a generator; draw a mask with a torch.Generator outside "
    "and multiply by it"
)


def _dropout(name: str) -> Any:
    def dropout(input: Any, p: float = 0.5, training: bool = True) -> Any:
        if not 0 <= p <= 1:
            raise ValueError(f"{name}: the probability must be between 0 and 1, and is {p}")
        if not training or p == 0:
            return input
        raise NotImplementedError(_RANDOM.format(name))

    def evaluation_first(input: Any, p: float = 0.5, training: bool = False) -> Any:
        return dropout(input, p, training)

    chosen = evaluation_first if "alpha" in name else dropout
    chosen.__name__ = name
    return chosen


for _function in (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout):
    implements(_function)(_dropout(_function.__name__))
