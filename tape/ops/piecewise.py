"""Elementwise functions in pieces: a part of a number, the nearer of two, numbers kept within bounds."""

import math
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw
from tape.ops.arithmetic import no_broadcast, unequal
from tape.ops.functions import clamp

Operand = Tensor | float


@op(
    (
        case(real(low=5.3, high=5.7), real(low=2.0, high=2.6))
        .at([-3.0, 0.0, 6.0], [3.0, 3.0, 3.0], gives=([1.0, 1.0, 1.0], [1.0, 0.0, -2.0]))
        .refuses(RuntimeError, *unequal, match=no_broadcast),
        case(real(low=-5.7, high=-5.3), real(low=2.0, high=2.6)),
    ),
    torch.fmod,
    Tensor.fmod,
)
def fmod(x: Operand, y: Operand) -> Tensor:
    """The derivative at a multiple is that of what is farther from 0, as in torch."""
    return torch.fmod(x, y)  # type: ignore[arg-type]


fmod.defvjp(x=lambda g: g, y=lambda g, x, y: -g * torch.trunc(x / y))


@implements(torch.frac, Tensor.frac)
def frac(x: Any) -> Any:
    return x - torch.trunc(x)


@implements(torch.fmax, Tensor.fmax)
def fmax(x: Any, y: Any) -> Any:
    """The larger, or the one that is a number. At a tie the cotangent goes to the first, as in torch."""
    return torch.where((x >= y) | torch.isnan(y), x, y)


@implements(torch.fmin, Tensor.fmin)
def fmin(x: Any, y: Any) -> Any:
    """The smaller, or the one that is a number. At a tie the cotangent goes to the first, as in torch."""
    return torch.where((x <= y) | torch.isnan(y), x, y)


@implements(torch.copysign, Tensor.copysign)
def copysign(x: Any, y: Any) -> Any:
    """The magnitude of the first with the sign of the second; the derivative at 0 is 0."""
    sign = raw(y)
    one = torch.ones((), dtype=x.dtype, device=x.device) if isinstance(sign, Tensor) else torch.ones_like(raw(x))
    return torch.abs(x) * torch.copysign(one, sign)


@implements(torch.nan_to_num, Tensor.nan_to_num)
def nan_to_num(x: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    limits = torch.finfo(x.dtype)
    for where, value, default in (
        (torch.isnan(x), nan, 0.0),
        (torch.isposinf(x), posinf, limits.max),
        (torch.isneginf(x), neginf, limits.min),
    ):
        x = torch.where(where, default if value is None else value, x)
    return x


@implements(torch.clamp, torch.clip, Tensor.clamp, Tensor.clip)
def clamp_within(x: Any, min: Any = None, max: Any = None) -> Any:
    """The derivative at an edge is 1. Where the edges cross, the upper counts; where they are one number, neither has a
    derivative, as in torch."""
    if not isinstance(raw(min), Tensor) and not isinstance(raw(max), Tensor):
        return clamp(x, min, max)
    plain, low, high = raw(x), raw(min), raw(max)
    inside = plain == plain
    value = torch.clamp(plain, low, high)  # what is left of it has no derivative: nan, and equal edges
    if min is not None:
        inside = inside & (plain >= low)
        below = plain < low if max is None else (plain < low) & (low < high)
        value = torch.where(below, min, value)
    if max is not None:
        inside = inside & (plain <= high)
        above = (plain if min is None else torch.maximum(plain, low)) > high
        value = torch.where(above, max, value)
    return torch.where(inside, x, value)


@implements(torch.clamp_min, Tensor.clamp_min)
def clamp_min(x: Any, min: Any) -> Any:
    return clamp_within(x, min, None)


@implements(torch.clamp_max, Tensor.clamp_max)
def clamp_max(x: Any, max: Any) -> Any:
    return clamp_within(x, None, max)


@implements(torch.deg2rad, Tensor.deg2rad)
def deg2rad(x: Any) -> Any:
    return x * (math.pi / 180)


@implements(torch.rad2deg, Tensor.rad2deg)
def rad2deg(x: Any) -> Any:
    return x * (180 / math.pi)


@implements(torch.ldexp, Tensor.ldexp)
def ldexp(x: Any, exponent: Any) -> Any:
    """x 2^exponent, by two powers of which neither overflows where the result does not."""
    wide = exponent.to(torch.promote_types(x.dtype, torch.float32))
    half = torch.floor(raw(wide) / 2)
    return (x * 2.0**half * 2.0 ** (wide - half)).to(torch.result_type(raw(x), raw(exponent)))


@implements(torch.float_power, Tensor.float_power)
def float_power(x: Any, exponent: Any) -> Any:
    """A power in float64."""

    def double(value: Any) -> Any:
        return value.double() if isinstance(raw(value), Tensor) else float(value)

    return torch.pow(double(x), double(exponent))


@implements(
    torch.positive, Tensor.positive, Tensor.__pos__, torch.conj, Tensor.conj, torch.conj_physical, Tensor.conj_physical
)
@implements(torch.resolve_conj, Tensor.resolve_conj, torch.resolve_neg, Tensor.resolve_neg, torch.real)
def same(x: Any) -> Any:
    """What changes nothing in a real tensor."""
    return x
