"""Elementwise functions of one value."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.registry import op
from tape.ops.arithmetic import no_broadcast, unequal
from tape.ops.precision import in_float32

anywhere = case(real())
positive = case(real(low=0.3))
kinked_at_0 = case(real(kinks=(0.0,))).at(0.0, gives=0.0)


@op(anywhere, torch.neg, torch.negative, Tensor.neg, Tensor.negative, Tensor.__neg__)
def negative(x: Tensor) -> Tensor:
    return torch.neg(x)


negative.defvjp(x=lambda g: -g)


@op(kinked_at_0, torch.abs, torch.absolute, Tensor.abs, Tensor.absolute, Tensor.__abs__)
def abs(x: Tensor) -> Tensor:
    """The derivative at 0 is 0."""
    return torch.abs(x)


abs.defvjp(x=lambda g, x: g * torch.sign(x))


@op(anywhere, torch.exp, Tensor.exp)
def exp(x: Tensor) -> Tensor:
    return torch.exp(x)


exp.defvjp(x=lambda g, ans: g * ans)


@op(anywhere, torch.expm1, Tensor.expm1)
def expm1(x: Tensor) -> Tensor:
    return torch.expm1(x)


# Of `ans + 1` nothing would be left below -20, where elu and its kin still have a slope.
expm1.defvjp(x=lambda g, x: g * torch.exp(x))


@op(anywhere, torch.exp2, Tensor.exp2)
def exp2(x: Tensor) -> Tensor:
    return torch.exp2(x)


exp2.defvjp(x=lambda g, ans: g * ans * math.log(2))


@op(positive, torch.log, Tensor.log)
def log(x: Tensor) -> Tensor:
    return torch.log(x)


log.defvjp(x=lambda g, x: g / x)


@op(case(real(low=-0.6)), torch.log1p, Tensor.log1p)
def log1p(x: Tensor) -> Tensor:
    return torch.log1p(x)


log1p.defvjp(x=lambda g, x: g / (1 + x))


@op(positive, torch.log2, Tensor.log2)
def log2(x: Tensor) -> Tensor:
    return torch.log2(x)


log2.defvjp(x=lambda g, x: g / (x * math.log(2)))


@op(positive, torch.log10, Tensor.log10)
def log10(x: Tensor) -> Tensor:
    return torch.log10(x)


log10.defvjp(x=lambda g, x: g / (x * math.log(10)))


@op(positive.at(0.0, gives=math.inf), torch.sqrt, Tensor.sqrt)
def sqrt(x: Tensor) -> Tensor:
    """The derivative at 0 is infinite."""
    return torch.sqrt(x)


sqrt.defvjp(x=lambda g, ans: g / (2 * ans))


@op(positive, torch.rsqrt, Tensor.rsqrt)
def rsqrt(x: Tensor) -> Tensor:
    return torch.rsqrt(x)


rsqrt.defvjp(x=lambda g, ans: -0.5 * g * ans**3)


@op(positive, torch.reciprocal, Tensor.reciprocal)
def reciprocal(x: Tensor) -> Tensor:
    return torch.reciprocal(x)


reciprocal.defvjp(x=lambda g, ans: -g * ans * ans)


@op(anywhere, torch.square, Tensor.square)
def square(x: Tensor) -> Tensor:
    return torch.square(x)


square.defvjp(x=lambda g, x: g * (2 * x))


@op(anywhere, torch.sin, Tensor.sin)
def sin(x: Tensor) -> Tensor:
    return torch.sin(x)


sin.defvjp(x=lambda g, x: g * torch.cos(x))


@op(anywhere, torch.cos, Tensor.cos)
def cos(x: Tensor) -> Tensor:
    return torch.cos(x)


cos.defvjp(x=lambda g, x: -g * torch.sin(x))


@op(case(real(low=-1.2, high=1.2)), torch.tan, Tensor.tan)
def tan(x: Tensor) -> Tensor:
    return torch.tan(x)


tan.defvjp(x=lambda g, ans: g * (1 + ans * ans))


@op(case(real(low=-0.8, high=0.8)), torch.asin, torch.arcsin, Tensor.asin, Tensor.arcsin)
def asin(x: Tensor) -> Tensor:
    return torch.asin(x)


asin.defvjp(x=lambda g, x: g * torch.rsqrt(1 - x * x))


@op(case(real(low=-0.8, high=0.8)), torch.acos, torch.arccos, Tensor.acos, Tensor.arccos)
def acos(x: Tensor) -> Tensor:
    return torch.acos(x)


acos.defvjp(x=lambda g, x: -g * torch.rsqrt(1 - x * x))


@op(anywhere, torch.atan, torch.arctan, Tensor.atan, Tensor.arctan)
def atan(x: Tensor) -> Tensor:
    return torch.atan(x)


atan.defvjp(x=lambda g, x: g / (1 + x * x))


@op(anywhere, torch.sinh, Tensor.sinh)
def sinh(x: Tensor) -> Tensor:
    return torch.sinh(x)


sinh.defvjp(x=lambda g, x: g * torch.cosh(x))


@op(anywhere, torch.cosh, Tensor.cosh)
def cosh(x: Tensor) -> Tensor:
    return torch.cosh(x)


cosh.defvjp(x=lambda g, x: g * torch.sinh(x))


@op(anywhere, torch.tanh, Tensor.tanh)
def tanh(x: Tensor) -> Tensor:
    return torch.tanh(x)


tanh.defvjp(x=lambda g, ans: torch.addcmul(g, g * ans, ans, value=-1))


@op(anywhere, torch.asinh, torch.arcsinh, Tensor.asinh, Tensor.arcsinh)
def asinh(x: Tensor) -> Tensor:
    return torch.asinh(x)


asinh.defvjp(x=lambda g, x: g * torch.rsqrt(1 + x * x))


@op(case(real(low=1.3, high=3.0)), torch.acosh, torch.arccosh, Tensor.acosh, Tensor.arccosh)
def acosh(x: Tensor) -> Tensor:
    return torch.acosh(x)


acosh.defvjp(x=lambda g, x: g * torch.rsqrt(x * x - 1))


@op(case(real(low=-0.8, high=0.8)), torch.atanh, torch.arctanh, Tensor.atanh, Tensor.arctanh)
def atanh(x: Tensor) -> Tensor:
    return torch.atanh(x)


atanh.defvjp(x=lambda g, x: g / (1 - x * x))


@op(anywhere, torch.erf, Tensor.erf, torch.special.erf)
def erf(x: Tensor) -> Tensor:
    return torch.erf(x)


erf.defvjp(x=lambda g, x: g * (2 / math.sqrt(math.pi)) * torch.exp(-x * x))


@op(anywhere, torch.sigmoid, Tensor.sigmoid, torch.special.expit)
def sigmoid(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


sigmoid.defvjp(x=lambda g, ans: g * ans * (1 - ans))


@op(kinked_at_0, torch.relu, Tensor.relu, F.relu)
def relu(x: Tensor) -> Tensor:
    """The derivative at 0 is 0."""
    return torch.relu(x)


@op(case(real(), real(kinks=(0.0,))).at(1.0, 0.0, gives=(0.0, 0.0)).refuses(RuntimeError, *unequal, match=no_broadcast))
def relu_pullback(g_ans: Tensor, x: Tensor) -> Tensor:
    """`g_ans` where `x` is positive, else 0. `torch.where` is a branch for each entry, ten times slower and more."""
    return torch.ops.aten.threshold_backward(g_ans, x, 0)  # type: ignore[no-any-return]


relu.defvjp(x=lambda g, ans: relu_pullback(g, ans))
relu_pullback.defvjp(g_ans=lambda g, x: relu_pullback(g, x), x=None)


@op(
    case(real(kinks=(0.0,)), negative_slope=(0.01, -0.5, 1.5))
    .at(0.0, gives=0.1, negative_slope=0.1)
    .at(0.0, gives=-0.5, negative_slope=-0.5),
    F.leaky_relu,
)
def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """The derivative at 0 is the negative slope."""
    return F.leaky_relu(x, negative_slope)


@op(
    case(real(), real(kinks=(0.0,)), negative_slope=(0.1,))
    .at(1.0, 0.0, gives=(0.1, 0.0), negative_slope=0.1)
    .refuses(RuntimeError, *unequal, match=no_broadcast, negative_slope=0.1)
)
def leaky_relu_pullback(g_ans: Tensor, x: Tensor, negative_slope: float) -> Tensor:
    """`g_ans` where `x` is positive, else `negative_slope` times it."""
    return torch.ops.aten.leaky_relu_backward(g_ans, x, negative_slope, False)  # type: ignore[no-any-return]


leaky_relu.defvjp(x=lambda g, x, negative_slope: leaky_relu_pullback(g, x, negative_slope))
leaky_relu_pullback.defvjp(g_ans=lambda g, x, negative_slope: leaky_relu_pullback(g, x, negative_slope), x=None)


@op(
    (
        case(real(), beta=(1.0, 2.5), threshold=(20.0,)),
        case(real(kinks=(0.5,)), beta=(2.0,), threshold=(1.0,)).at(
            0.5, gives=1 / (1 + math.exp(-1.0)), beta=2.0, threshold=1.0
        ),
    ),
    F.softplus,
)
def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, and x itself where beta x exceeds the threshold, but not at it."""
    return F.softplus(x, beta, threshold)


@in_float32
def _softplus(g: Any, x: Any, beta: float, threshold: float) -> Any:
    return torch.where(x * beta > threshold, g, g * torch.sigmoid(x * beta))


softplus.defvjp(x=_softplus)


@op(
    (
        case(real(kinks=(-1.0, 1.0)), min=(-1.0,), max=(1.0,))
        .at([-1.0, 1.0], gives=[1.0, 1.0], min=-1, max=1)
        .refuses(RuntimeError, torch.ones(2), match="At least one of 'min' or 'max' must not be None"),
        case(real(kinks=(-1.0,)), min=(-1.0,)).at(-1.0, gives=1.0, min=-1.0),
        case(real(kinks=(1.0,)), max=(1.0,)).at(1.0, gives=1.0, max=1.0),
    ),
)
def clamp(x: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    """The derivative at an edge is 1. The edges take no derivative."""
    return torch.clamp(x, min, max)


def _inside(x: Any, min: float | None, max: float | None) -> Any:
    if min is None:
        return x <= max
    return x >= min if max is None else (x >= min) & (x <= max)


clamp.defvjp(x=lambda g, x, min, max: torch.where(_inside(x, min, max), g, 0.0))
