"""Special functions, elementwise."""

import math
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw
from tape.ops.arithmetic import no_broadcast, unequal
from tape.ops.precision import in_float32

Operand = Tensor | float


@op(case(real()), torch.erfc, Tensor.erfc, torch.special.erfc)
def erfc(x: Tensor) -> Tensor:
    return torch.erfc(x)


erfc.defvjp(x=lambda g, x: g * (-2 / math.sqrt(math.pi)) * torch.exp(-x * x))


@op(case(real(low=-0.8, high=0.8)), torch.erfinv, Tensor.erfinv, torch.special.erfinv)
def erfinv(x: Tensor) -> Tensor:
    return torch.erfinv(x)


erfinv.defvjp(x=lambda g, ans: g * (math.sqrt(math.pi) / 2) * torch.exp(ans * ans))


@op(case(real(low=0.5, high=3.0)), torch.lgamma, Tensor.lgamma, torch.special.gammaln)
def lgamma(x: Tensor) -> Tensor:
    return torch.lgamma(x)


lgamma.defvjp(x=lambda g, x: g * torch.digamma(x))


@op(case(real(low=0.5, high=3.0)), torch.digamma, Tensor.digamma, torch.special.digamma, torch.special.psi)
def digamma(x: Tensor) -> Tensor:
    return torch.digamma(x)


@op(
    case(1, real(low=1.0, high=3.0)).refuses(RuntimeError, -1, torch.ones(2), match="does not support negative n"),
    torch.polygamma,
    torch.special.polygamma,
)
def polygamma(n: int, x: Tensor) -> Tensor:
    return torch.polygamma(n, x)


digamma.defvjp(x=lambda g, x: g * torch.polygamma(1, x))
polygamma.defvjp(n=None, x=lambda g, n, x: g * torch.polygamma(n + 1, x))


@implements(Tensor.polygamma)
def polygamma_method(x: Any, n: int) -> Any:
    return torch.polygamma(n, x)


@implements(torch.mvlgamma, Tensor.mvlgamma, torch.special.multigammaln)
def multivariate_lgamma(x: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of p dimensions."""
    total = torch.lgamma(x)
    for i in range(1, p):
        total = total + torch.lgamma(x - i / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


@op(
    case(real(), real()).refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.logaddexp,
    Tensor.logaddexp,
)
def logaddexp(x: Tensor, y: Tensor) -> Tensor:
    return torch.logaddexp(x, y)


@in_float32
def _part(g: Any, x: Any, y: Any, logarithm: float = 1.0) -> Any:
    """The part of the cotangent that the first of two summands has, powers of a base with that logarithm."""
    return g * torch.sigmoid((x - y) * logarithm)


logaddexp.defvjp(x=lambda g, x, y: _part(g, x, y), y=lambda g, x, y: _part(g, y, x))


@op(
    case(real(), real()).refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.logaddexp2,
    Tensor.logaddexp2,
)
def logaddexp2(x: Tensor, y: Tensor) -> Tensor:
    return torch.logaddexp2(x, y)


logaddexp2.defvjp(x=lambda g, x, y: _part(g, x, y, math.log(2)), y=lambda g, x, y: _part(g, y, x, math.log(2)))


@op(
    case(real(low=0.3), real(low=0.3))
    .at(0.0, 0.0, gives=(0.0, 0.0))
    .refuses(RuntimeError, *unequal, match=no_broadcast),
    torch.hypot,
    Tensor.hypot,
)
def hypot(x: Tensor, y: Tensor) -> Tensor:
    """The derivatives where both are 0 are 0, in every order."""
    return torch.hypot(x, y)


def _share(part: Any, whole: Any) -> Any:
    return part / torch.where(whole == 0, math.inf, whole)


@in_float32
def _toward(g: Any, part: Any, whole: Any) -> Any:
    return g * _share(part, whole)


hypot.defvjp(x=lambda g, ans, x: _toward(g, x, ans), y=lambda g, ans, y: _toward(g, y, ans))


@op(
    (
        case(real(), real(low=0.3))
        .at([0.0, 0.0], [-1.0, 1.0], gives=([0.0, 0.0], [0.0, 0.0]))
        .refuses(RuntimeError, *unequal, match=no_broadcast),
        case(2.0, real(low=0.3)),
    ),
    torch.xlogy,
    Tensor.xlogy,
    torch.special.xlogy,
)
def xlogy(x: Operand, y: Operand) -> Tensor:
    """x log(y), and 0 where x is 0. There the derivative with respect to x is log(y), or 0 unless y is positive."""
    return torch.xlogy(x, y)  # type: ignore[arg-type]


def _log_or_zero(g: Any, x: Any, y: Any) -> Any:
    base = torch.full_like(x, y) if isinstance(y, (int, float)) else y
    constant = (x == 0) & (base <= 0)
    return g * torch.log(torch.where(constant, 1.0, base))


xlogy.defvjp(x=_log_or_zero, y=lambda g, x, y: g * x / y)


@op(case(real()), torch.nn.functional.logsigmoid)
def logsigmoid(x: Tensor) -> Tensor:
    """log(1 / (1 + exp(-x)))."""
    return torch.nn.functional.logsigmoid(x)


def _sigmoid_of_minus(x: Any) -> Any:
    """Of the smaller sigmoid, so that its own derivative, the sigmoid times what it lacks of 1, keeps its digits; of an
    exponential, as torch's sigmoid of -100 is 0."""
    negative = x < 0
    power = torch.exp(torch.where(negative, x, -x))
    smaller = power / (1 + power)
    return torch.where(negative, 1 - smaller, smaller)


logsigmoid.defvjp(x=lambda g, x: g * _sigmoid_of_minus(x))


@op(
    (
        case(real(low=0.2, high=0.8)),
        case(real(low=-0.2, high=1.2, kinks=(0.1, 0.9)), eps=(0.1,)).at(
            [0.05, 0.1, 0.9, 0.95], gives=[0.0, 1 / 0.09, 1 / 0.09, 0.0], eps=0.1
        ),
    ),
    torch.logit,
    Tensor.logit,
    torch.special.logit,
)
def logit(x: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), of x brought into [eps, 1 - eps] first if there is an eps.

    The derivative beyond is 0, and 1 / (eps (1 - eps)) at an edge; without an eps it is nan outside [0, 1].
    """
    return torch.logit(x, eps)


def _logit(g: Any, x: Any, eps: float | None) -> Any:
    low, beyond = (0.0, math.nan) if eps is None else (eps, 0.0)
    outside = (x < low) | (x > 1 - low)
    x = torch.where(outside, 0.5, x)
    return torch.where(outside, beyond, g / (x * (1 - x)))


logit.defvjp(x=_logit)


@implements(torch.sinc, Tensor.sinc, torch.special.sinc)
@in_float32
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), and 1 at 0; around it a series, because the derivatives of the quotient cancel there."""
    angle = math.pi * x
    near = torch.abs(raw(angle)) < 1
    square = torch.where(near, angle, 0.0) ** 2
    series: Any = 1.0
    for k in range(10, 0, -1):
        series = 1 - series * square / (2 * k * (2 * k + 1))
    far = torch.where(near, 1.0, angle)
    return torch.where(near, series, torch.sin(far) / far)


@op(case(real(low=0.3)), torch.special.entr)
def entr(x: Tensor) -> Tensor:
    """-x log(x), 0 at 0, and -inf below. The derivative at 0 is infinite."""
    return torch.special.entr(x)  # type: ignore[no-any-return]


entr.defvjp(x=lambda g, x: -g * (1 + torch.log(x)))


@op(case(real()))
def normal_distribution(x: Tensor) -> Tensor:
    """The probability that a standard normal variable is below x; without cancellation far below 0, unlike torch's."""
    return torch.erfc(x * -math.sqrt(0.5)) * 0.5


normal_distribution.defvjp(x=lambda g, x: g * torch.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))


@implements(torch.special.ndtr)
@in_float32
def ndtr(x: Any) -> Any:
    """The normal distribution function."""
    return normal_distribution(x)
