"""One call in one dtype: tape's value and gradients beside torch's own in that dtype, and beside float64.

The error of each result is taken against torch in float64 on the same rounded numbers. Tape's may be twice the
largest that torch's own has in the same result, or a few units in the last place of the result's largest entry:
both round, and which one is lucky at an entry means nothing. What torch keeps finite and somewhere near right must
be finite. Where torch has no kernel for a dtype, it computes in float32 in its place, and its results are rounded.
Torch's error may be small by luck, so that a walk tries more draws before it accuses.

Where torch has no number, neither is one asked of tape, which may refuse the call. Where its gradient in float64 is
refuted by its own values, that of tape in float64 is the judge.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.transforms.gradients import vjp
from tape.verify.ranges.differing import is_refuted

__all__ = ["NOT_FINITE", "Outcome", "Undefined", "compare"]

_UNITS = 4.0  # units in the last place that any composition of a few roundings may be off
_TIMES = 2.0  # torch's own error

NOT_FINITE = "not finite"

_ERRORS = (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError)


class Outcome(NamedTuple):
    """One result of a call beside torch's: which it is, and its entry where it is worst.

    `broken` says what is wrong with it beyond any error. `off` and `torch_off` are the largest errors, in units in
    the last place of the result's largest entry, which is `unit`. `torch_lost` says that torch's own has infinities or
    nans where it should have numbers.
    """

    what: str
    broken: str = ""
    off: float = 0.0
    torch_off: float = 0.0
    tape: float = math.nan
    torch: float = math.nan
    float64: float = math.nan
    torch_lost: bool = False
    unit: float = 0.0

    @property
    def wrong(self) -> bool:
        return bool(self.broken) or self.off > max(_TIMES * self.torch_off, _UNITS)

    def __str__(self) -> str:
        """What is wrong, and the numbers."""
        off = f"off by {self.off:.3g} units in the last place, torch by {self.torch_off:.3g}"
        return f"{self.broken or off}: tape {self.tape:.9g}, torch {self.torch:.9g}, float64 {self.float64:.9g}"


class Undefined(Exception):
    """Torch refuses the call: its numbers, or the dtype in which tape refuses it too."""


class _Side(NamedTuple):
    """The floating-point results of one side, and its gradients."""

    outputs: list[Any]
    gradients: list[Any]


def compare(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    args: Sequence[Any],
    options: dict[str, Any],
    places: Sequence[int],
    seed: int = 0,
) -> list[Outcome]:
    """How the value and gradients of `ours` at one call stand beside those of torch's `theirs`.

    `places` are of the leaves of `(args, options)` that a gradient is asked for.

    >>> x = torch.tensor([1.0, 2.0], dtype=torch.float16)
    >>> [outcome.wrong for outcome in compare(lambda x: x * 1.01, torch.clone, (x,), {}, [0])]
    [True, True]
    """
    leaves, treedef = tree.flatten((tuple(args), options))
    inputs = [leaves[i] for i in places]

    def of(function: Callable[..., Any], dtype: torch.dtype | None = None) -> Callable[..., list[Any]]:
        def f(*values: Any) -> list[Any]:
            filled = [x.to(dtype) if dtype is not None and _is_real(x) else x for x in leaves]
            for place, value in zip(places, values, strict=True):
                filled[place] = value
            args, options = tree.unflatten(treedef, filled)
            return [y for y in _parts(function(*args, **options)) if getattr(y, "dtype", torch.int64).is_floating_point]

        return f

    def by_torch(dtype: torch.dtype | None) -> _Side:
        required = [x.detach().clone().to(dtype or x.dtype).requires_grad_() for x in inputs]
        outputs = of(theirs, dtype)(*required)
        taken = [y for y in outputs if y.requires_grad]
        gradients = torch.autograd.grad(
            taken, required, _cotangents(taken, seed), allow_unused=True, materialize_grads=True
        )
        return _Side([y.detach() for y in outputs], list(gradients))

    lacking = None
    try:
        peer = by_torch(None)
    except _ERRORS as error:
        lacking = error
        try:
            peer = by_torch(torch.float32)
        except _ERRORS:
            raise Undefined(str(error)) from error
    right = by_torch(torch.float64)
    try:
        outputs, pullback = vjp(of(ours), *inputs)
        mine = _Side(outputs, list(pullback(_cotangents(outputs, seed))))
    except Exception as error:
        if lacking is not None:
            raise Undefined(str(lacking)) from error
        if isinstance(error, (RuntimeError, ValueError)) and any(map(_lacks_a_number, (peer, right))):
            raise Undefined(str(error)) from error
        return [Outcome("the call", f"{type(error).__name__}: {str(error)[:120]}")]
    if lacking is not None:
        peer = _Side(*([t.to(m.dtype) for t, m in zip(*pair, strict=True)] for pair in zip(peer, mine, strict=True)))
    outcomes = _outcomes("value", mine.outputs, peer.outputs, right.outputs)
    gradients = _outcomes("gradient", mine.gradients, peer.gradients, right.gradients)
    if any(outcome.wrong for outcome in gradients):
        wide = [x.to(torch.float64) for x in inputs]
        ys, pullback = vjp(of(ours, torch.float64), *wide)
        other = list(pullback(_cotangents(ys, seed)))

        def weighed(x: Sequence[Tensor]) -> list[Tensor]:
            ys = of(theirs, torch.float64)(*x)
            return [c * y for c, y in zip(_cotangents(ys, seed), ys, strict=True)]

        if is_refuted(right.gradients, other, weighed, wide):
            gradients = _outcomes("gradient", mine.gradients, peer.gradients, other)
    return outcomes + gradients


def _outcomes(name: str, mine: list[Any], theirs: list[Any], right: list[Any]) -> list[Outcome]:
    names = [name] if len(mine) == 1 else [f"{name} {i}" for i in range(len(mine))]
    return [_outcome(*entry) for entry in zip(names, mine, theirs, right, strict=True)]


def _lacks_a_number(side: _Side) -> bool:
    return any(bool(y.isnan().any()) for y in (*side.outputs, *side.gradients))


def _cotangents(outputs: Sequence[Any], seed: int) -> list[Tensor]:
    """Rounded to bfloat16 first, so that every dtype is given the same."""
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for y in outputs:
        sign = 2.0 * torch.randint(0, 2, y.shape, generator=generator) - 1.0
        drawn.append(sign * (0.5 + 0.5 * torch.rand(y.shape, generator=generator)))
    return [c.to(torch.bfloat16).to(y.dtype) for c, y in zip(drawn, outputs, strict=True)]


def _outcome(what: str, mine: Tensor, theirs: Tensor, right: Tensor) -> Outcome:
    if mine.dtype != theirs.dtype or mine.shape != theirs.shape:
        return Outcome(what, f"{_kind(mine)} where torch has {_kind(theirs)}")
    if not right.numel():
        return Outcome(what)
    info = torch.finfo(theirs.dtype)
    rounded = right.to(theirs.dtype)
    representable = rounded.isfinite() & theirs.isfinite() & (right.abs() <= info.max * (1 - 4 * info.eps))
    goal = torch.where(representable, rounded, 0).to(torch.float64)
    its = torch.where(representable, (theirs.to(torch.float64) - goal).abs(), 0.0)
    scale = float(goal.abs().max())
    lost = bool((rounded.isfinite() & ~theirs.isfinite()).any())
    near_right = float(its.max()) <= 0.5 * scale  # else torch's are numbers, and wrong ones
    # A sum in float32 may pass the largest number on its way, in one order and not in another.
    within_reach = info.max < torch.finfo(torch.bfloat16).max or scale <= info.max / 8
    unit = max(info.eps * scale, info.smallest_normal * info.eps)
    kept = representable & (near_right and within_reach)
    infinite = right.isinf() & (theirs == rounded)  # an infinity that is one, not a number too large for the dtype

    def at(badness: Tensor, **found: Any) -> Outcome:
        entry = int(badness.reshape(-1).argmax())
        values = [float(y.reshape(-1)[entry]) for y in (mine, theirs, right)]
        return Outcome(what, tape=values[0], torch=values[1], float64=values[2], torch_lost=lost, unit=unit, **found)

    for broken, wrong in ((NOT_FINITE, kept & ~mine.isfinite()), ("nan", infinite & mine.isnan())):
        if bool(wrong.any()):
            return at(wrong.to(torch.float64), broken=broken)
    error = torch.where(representable & mine.isfinite(), (mine.to(torch.float64) - goal).abs(), 0.0)
    torch_off = float(its.max())
    if not near_right:  # no digit of torch's is right
        torch_off = max(torch_off, 2 * scale)
    return at(error, off=float(error.max()) / unit, torch_off=torch_off / unit)


def _kind(x: Tensor) -> str:
    return f"{str(x.dtype)[6:]}{list(x.shape)}"


def _is_real(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


def _parts(result: Any) -> list[Any]:
    """The tensors and traced values of a result, those of torch's named tuples too."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in _parts(part)]
    return [result]
