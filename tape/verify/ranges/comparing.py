"""One call in one dtype: tape's value and gradients beside torch's own in that dtype, and beside float64.

The error of each result is taken against torch in float64 on the same rounded numbers. Tape's may be twice the
largest that torch's own has in the same result, or a few units in the last place of the result's largest entry:
both round, and which one is lucky at an entry means nothing. What torch keeps finite must be finite.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.transforms.gradients import vjp

__all__ = ["Fault", "Refused", "compare", "parts"]

_ULPS = 4.0  # units in the last place that any composition of a few roundings may be off
_TIMES = 2.0  # torch's own error


class Fault(NamedTuple):
    """A result that is worse than torch's: its name, what is wrong with it, and the entry where it is worst."""

    what: str
    kind: str
    tape: float
    torch: float
    float64: float


class Refused(Exception):
    """Torch itself has no kernel for the call, or refuses its numbers."""


def parts(result: Any) -> list[Any]:
    """The tensors and traced values of a result, those of torch's named tuples too."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in parts(part)]
    return [result]


def compare(
    ours: Callable[..., Any], theirs: Callable[..., Any], args: Sequence[Any], options: dict[str, Any], seed: int
) -> list[Fault]:
    """The faults of `ours` at one call, none where it is as good as torch's `theirs`. Raises Refused."""
    leaves, treedef = tree.flatten((tuple(args), options))
    places = [i for i, x in enumerate(leaves) if isinstance(x, Tensor) and x.is_floating_point()]
    inputs = [leaves[i] for i in places]

    def of(function: Callable[..., Any]) -> Callable[..., list[Any]]:
        def f(*values: Any) -> list[Any]:
            filled = list(leaves)
            for place, value in zip(places, values, strict=True):
                filled[place] = value
            args, options = tree.unflatten(treedef, filled)
            return [y for y in parts(function(*args, **options)) if getattr(y, "is_floating_point", lambda: False)()]

        return f

    def cotangents(outputs: Sequence[Tensor]) -> list[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        unit = [torch.rand(y.shape, generator=generator, dtype=torch.float64) for y in outputs]
        signs = [2.0 * torch.randint(0, 2, y.shape, generator=generator) - 1.0 for y in outputs]
        # Rounded to bfloat16 first, so that every dtype is given the same.
        return [(s * (0.5 + 0.5 * u)).to(torch.bfloat16).to(y.dtype) for s, u, y in zip(signs, unit, outputs, strict=True)]

    def by_torch(values: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        required = [x.detach().clone().requires_grad_() for x in values]
        try:
            outputs = of(theirs)(*required)
            taken = [y for y in outputs if y.requires_grad]
            gradients = torch.autograd.grad(taken, required, cotangents(taken), allow_unused=True, materialize_grads=True)
        except (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError) as error:
            raise Refused(str(error)) from error
        return [y.detach() for y in outputs], list(gradients)

    values, gradients = by_torch(inputs)
    right_values, right_gradients = by_torch([x.to(torch.float64) for x in inputs])
    try:
        mine, pullback = vjp(of(ours), *inputs)
        my_gradients = pullback(cotangents(mine))
    except Exception as error:
        return [Fault("the call", f"{type(error).__name__}: {str(error)[:120]}", float("nan"), 0.0, 0.0)]
    names = [f"output {i}" if len(values) > 1 else "value" for i in range(len(values))]
    names += [f"gradient {i}" if len(inputs) > 1 else "gradient" for i in range(len(inputs))]
    triples = zip(names, [*mine, *my_gradients], [*values, *gradients], [*right_values, *right_gradients], strict=True)
    return [fault for name, m, t, r in triples if (fault := _fault(name, m, t, r)) is not None]


def _fault(name: str, mine: Tensor, theirs: Tensor, right: Tensor) -> Fault | None:
    if not right.numel():
        return None
    info = torch.finfo(theirs.dtype)
    if mine.dtype != theirs.dtype or mine.shape != theirs.shape:
        return Fault(name, f"{mine.dtype} {tuple(mine.shape)} for {theirs.dtype} {tuple(theirs.shape)}", 0.0, 0.0, 0.0)
    rounded = right.to(theirs.dtype)
    representable = rounded.isfinite() & theirs.isfinite()
    missing = representable & ~mine.isfinite() & (right.abs() <= info.max * (1 - 4 * info.eps))
    nonsense = mine.isnan() & ~theirs.isnan() & ~rounded.isnan()
    for kind, wrong in (("not finite", missing), ("nan", nonsense)):
        if bool(wrong.any()):
            return _at(name, kind, wrong.to(torch.float64), mine, theirs, right)
    known = representable & mine.isfinite()
    if not bool(known.any()):
        return None
    wide, goal = mine.to(torch.float64), rounded.to(torch.float64)
    error = torch.where(known, (wide - goal).abs(), 0.0)
    its = torch.where(known, (theirs.to(torch.float64) - goal).abs(), 0.0)
    scale = float(torch.where(known, goal.abs(), 0.0).max())
    allowed = max(_TIMES * float(its.max()), _ULPS * max(info.eps * scale, info.smallest_normal * info.eps))
    if float(error.max()) > allowed:
        return _at(name, f"{float(error.max()) / (allowed / _ULPS):.3g} ulps", error, mine, theirs, right)
    return None


def _at(name: str, kind: str, badness: Tensor, mine: Tensor, theirs: Tensor, right: Tensor) -> Fault:
    entry = int(badness.reshape(-1).argmax())
    found = [float(x.reshape(-1)[entry]) for x in (mine, theirs, right)]
    return Fault(name, kind, found[0], found[1], found[2])
