"""Elementwise arithmetic of two values: the operators, extremes, and choosing."""

import math
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import boolean, case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import Traced, raw
from tape.ops.precision import in_float32

Operand = Tensor | float
unequal = torch.ones(2), torch.ones(3)
no_broadcast = "must match the size of tensor"


@op(
    case(real(), real(), alpha=(1, 2, -0.5)).refuses(RuntimeError, *unequal, match=no_broadcast),
    Tensor.__add__,
    Tensor.__radd__,
)
def add(x: Operand, y: Operand, *, alpha: float = 1) -> Tensor:
    return torch.add(x, y, alpha=alpha)


add.defvjp(x=lambda g: g, y=lambda g, alpha: g if alpha == 1 else g * alpha)


@op(
    case(real(), real(), alpha=(1, 2, -0.5)).refuses(RuntimeError, *unequal, match=no_broadcast),
    Tensor.__sub__,
)
def subtract(x: Operand, y: Operand, *, alpha: float = 1) -> Tensor:
    return x - y if alpha == 1 else torch.sub(x, y, alpha=alpha)  # type: ignore[return-value]


subtract.defvjp(x=lambda g: g, y=lambda g, alpha: -g if alpha == 1 else g * -alpha)


def add_scaled(x: Any, y: Any, *, alpha: Any = 1) -> Any:
    return add(x, y * alpha) if type(alpha) is Traced else add(x, y, alpha=alpha)


def subtract_scaled(x: Any, y: Any, *, alpha: Any = 1) -> Any:
    return subtract(x, y * alpha) if type(alpha) is Traced else subtract(x, y, alpha=alpha)


add_scaled.__name__, subtract_scaled.__name__ = "add", "subtract"
implements(torch.add, Tensor.add)(add_scaled)
implements(torch.sub, torch.subtract, Tensor.sub, Tensor.subtract)(subtract_scaled)


@implements(torch.rsub, Tensor.__rsub__)
def reverse_subtract(x: Any, y: Any, *, alpha: Any = 1) -> Any:
    return subtract_scaled(y, x, alpha=alpha)


@op(
    case(real(), real()).refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.mul,
    torch.multiply,
    Tensor.mul,
    Tensor.multiply,
    Tensor.__mul__,
    Tensor.__rmul__,
)
def multiply(x: Operand, y: Operand) -> Tensor:
    return torch.mul(x, y)


multiply.defvjp(x=lambda g, y: g * y, y=lambda g, x: g * x)


@op(
    case(real(), real(low=0.5)).refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.true_divide,
    Tensor.true_divide,
    Tensor.__truediv__,
)
def divide(x: Operand, y: Operand) -> Tensor:
    return x / y  # type: ignore[return-value]


divide.defvjp(x=lambda g, y: g / y, y=lambda g, ans, y: -g * ans / y)


@implements(torch.div, torch.divide, Tensor.div, Tensor.divide)
def divide_and_round(x: Any, y: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return divide(x, y)
    return torch.div(raw(x), raw(y), rounding_mode=rounding_mode)


@implements(Tensor.__rtruediv__, Tensor.__rdiv__)
def reverse_divide(x: Any, y: Any) -> Any:
    return divide(y, x)


@op(
    (
        case(real(low=0.5), real())
        .at([0.0, 0.0], [0.0, 2.0], gives=([0.0, 0.0], [0.0, 0.0]))
        .refuses(RuntimeError, *unequal, match=no_broadcast),
        case(real(), 3),
        case(real(), 0),
        case(real(low=0.5), -1.5),
        case(2.5, real()),
    ),
    torch.pow,
    Tensor.pow,
    Tensor.__pow__,
)
def power(x: Operand, exponent: Operand) -> Tensor:
    return torch.pow(x, exponent)  # type: ignore[arg-type]


def _power_base(g: Any, x: Any, exponent: Any) -> Any:
    # Where the exponent is 0 the derivative is 0, also at 0 and so near it that 1 / x is infinite. Elsewhere the
    # general formula gives that 0, and the right derivative of it with respect to the exponent.
    if isinstance(exponent, (int, float)):
        return torch.zeros_like(g) if exponent == 0 else g * (exponent * x ** (exponent - 1))
    zero = (exponent == 0) & torch.isinf(torch.reciprocal(x))
    return g * torch.where(zero, 0.0, exponent * x ** (exponent - 1 + zero.to(x.dtype)))


def _power_exponent(g: Any, ans: Any, x: Any, exponent: Any) -> Any:
    # 0**exponent is constant where the exponent is not negative, although log(0) is infinite.
    base = torch.full_like(exponent, x) if isinstance(x, (int, float)) else x
    constant = (base == 0) & (exponent >= 0)
    return g * torch.where(constant, 0.0, ans * torch.log(base + constant.to(ans.dtype)))


power.defvjp(x=_power_base, exponent=_power_exponent)


@implements(Tensor.__rpow__)
def reverse_power(x: Operand, exponent: Operand) -> Tensor:
    return power(exponent, x)


@op(
    case(real(kinks=(0.0,)), real(low=3.0, high=5.0))
    .at([-3.0, 0.0, 6.0], [3.0, 3.0, 3.0], gives=([1.0, 1.0, 1.0], [1.0, 0.0, -2.0]))
    .refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.remainder,
    Tensor.remainder,
    Tensor.__mod__,
)
def remainder(x: Operand, y: Operand) -> Tensor:
    """The derivative at a multiple is that of what follows it, as in torch."""
    return torch.remainder(x, y)  # type: ignore[arg-type]


remainder.defvjp(x=lambda g: g, y=lambda g, x, y: -g * torch.div(x, y, rounding_mode="floor"))


@implements(Tensor.__rmod__)
def reverse_remainder(x: Operand, y: Operand) -> Tensor:
    return remainder(y, x)


@op(
    case(real(distinct=True), real(distinct=True))
    .at([1.0, 2.0], [1.0, 1.0], gives=([0.5, 1.0], [0.5, 0.0]))
    .refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.maximum,
    Tensor.maximum,
)
def maximum(x: Tensor, y: Tensor) -> Tensor:
    """At a tie half of the cotangent goes to either, as in torch."""
    return torch.maximum(x, y)


def _share(g: Any, wins: Any, ties: Any) -> Any:
    return g * torch.where(ties, 0.5, wins.to(g.dtype))


maximum.defvjp(x=lambda g, x, y: _share(g, x > y, x == y), y=lambda g, x, y: _share(g, y > x, x == y))


@op(
    case(real(distinct=True), real(distinct=True))
    .at([1.0, 2.0], [1.0, 1.0], gives=([0.5, 0.0], [0.5, 1.0]))
    .refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.minimum,
    Tensor.minimum,
)
def minimum(x: Tensor, y: Tensor) -> Tensor:
    """At a tie half of the cotangent goes to either, as in torch."""
    return torch.minimum(x, y)


minimum.defvjp(x=lambda g, x, y: _share(g, x < y, x == y), y=lambda g, x, y: _share(g, y < x, x == y))


@op(
    case(real(low=0.3), real(low=0.3))
    .at(0.0, 0.0, gives=(0.0, 0.0))
    .refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.atan2,
    torch.arctan2,
    Tensor.atan2,
    Tensor.arctan2,
)
def atan2(x: Tensor, y: Tensor) -> Tensor:
    """The derivatives where both are 0 are 0, as in torch."""
    return torch.atan2(x, y)


def _by_distance(part: Any, x: Any, y: Any) -> Any:
    """The part over the squared distance from 0, which itself may be beyond the dtype's range."""
    distance = torch.hypot(x, y)
    distance = torch.where(distance == 0, math.inf, distance)
    return part / distance / distance


atan2.defvjp(x=lambda g, x, y: g * _by_distance(y, x, y), y=lambda g, x, y: -g * _by_distance(x, x, y))


@op(
    case(boolean(), real(), real())
    .refuses(RuntimeError, torch.tensor([True, False]), *unequal, match=no_broadcast)
    .refuses(RuntimeError, torch.ones(2), torch.ones(2), torch.ones(2), match="condition to be a boolean tensor"),
    torch.where,
)
def where(condition: Tensor, input: Operand, other: Operand) -> Tensor:
    return torch.where(condition, input, other)


where.defvjp(
    condition=None,
    input=lambda g, condition: torch.where(condition, g, 0.0),
    other=lambda g, condition: torch.where(condition, 0.0, g),
)


@implements(Tensor.where)
def where_method(x: Any, condition: Any, other: Any) -> Any:
    return where(condition, x, other)


@implements(torch.masked_fill, Tensor.masked_fill)
def masked_fill(x: Any, mask: Tensor, value: Any) -> Any:
    return where(mask, value, x)


@implements(torch.lerp, Tensor.lerp)
@in_float32
def lerp(x: Any, end: Any, weight: Any) -> Any:
    """x + weight (end - x), counted from the end that is nearer, so that weights 0 and 1 give the ends themselves."""
    near = abs(raw(weight)) < 0.5
    if isinstance(near, bool):
        return x + weight * (end - x) if near else end + (weight - 1) * (end - x)
    return torch.where(near, x, end) + torch.where(near, weight, weight - 1) * (end - x)


@implements(torch.addcmul, Tensor.addcmul)
@in_float32
def addcmul(x: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    return x + _scaled(tensor1, value) * tensor2


@implements(torch.addcdiv, Tensor.addcdiv)
@in_float32
def addcdiv(x: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    return x + _scaled(tensor1, value) / tensor2


def _scaled(x: Any, value: Any) -> Any:
    return x if isinstance(value, (int, float)) and value == 1 else x * value
