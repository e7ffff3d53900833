"""What rounding may change: results are compared as closely as the function is determined by its inputs."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape.core.primitive import Primitive
from tape.verify.differences import LinAlgError
from tape.verify.rounded import scatter
from tape.verify.trial import Trial, is_real
from tape.verify.violation import Violation, expect_close

__all__ = ["LinAlgError", "Of", "decided_by_rounding", "expect_close_to_rounding", "singular", "steps_change"]

Of = Callable[[Trial], Sequence[Any]]
"""The results to compare, at the inputs of a trial."""

_SINGULAR = 1e8  # so many times its usual size, a result is taken to be infinite but for rounding
_DIGITS = 1e-4  # of a result, what rounding of float64 moves only where the function is singular
_DRAWS = 6
_SAFETY = 16.0


def expect_close_to_rounding(
    what: str,
    got: Sequence[Any],
    expected: Sequence[Any],
    tolerance: float,
    trial: Trial,
    of: Of,
    epsilon: float = torch.finfo(torch.float64).eps,
) -> None:
    """Fails unless `got` is within `tolerance`, or as near as rounding of the trial's inputs to `epsilon` lets it be.

    `of` gives the results again for a trial at other inputs. It is asked only where the tolerance is not kept: a
    function that cancels large numbers gives other digits for inputs that differ in their last.
    """
    try:
        expect_close(what, got, expected, tolerance)
    except Violation:
        slack = _sensitivity(trial, of, epsilon)
        for i, (a, e, most) in enumerate(zip(got, expected, slack, strict=True)):
            if isinstance(a, Tensor) and isinstance(e, Tensor) and a.shape == e.shape and 0 < most < torch.inf:
                size = 1 + float(e.detach().abs().max().to(torch.float64))
                expect_close(f"{what}, number {i}" if len(got) > 1 else what, [a], [e], tolerance + most / size)
            else:
                expect_close(what, [a], [e], tolerance)


def _sensitivity(trial: Trial, of: Of, epsilon: float) -> list[float]:
    """For each result, how far a rounding of the inputs moves it."""
    generator = torch.Generator().manual_seed(0)
    at = of(trial)
    most = [0.0 for _ in at]
    for _ in range(_DRAWS):
        moved = []
        for x in trial.inputs:
            sign = 2 * torch.randint(0, 2, x.shape, generator=generator).to(x) - 1
            moved.append(x + sign * (epsilon * x.abs()))
        for i, (one, other) in enumerate(zip(at, of(trial.with_inputs(moved)), strict=True)):
            if isinstance(one, Tensor) and one.is_floating_point() and one.numel():
                change = (one.detach() - other.detach()).abs()
                most[i] = max(most[i], float(change[change.isfinite()].max()) if change.isfinite().any() else 0.0)
    return [_SAFETY * max(x, y) for x, y in zip(most, steps_change(trial, of, epsilon), strict=True)]


def steps_change(trial: Trial, of: Of, epsilon: float) -> list[float]:
    """For each result, how far a rounding of every step inside moves it; 0 for a primitive, which is one step."""
    if isinstance(trial.function, Primitive):
        return [0.0 for _ in of(trial)]
    try:
        changes = scatter(lambda: of(trial.with_inputs(trial.inputs)), epsilon)
    except LinAlgError:
        return [torch.inf for _ in of(trial)]
    return [0.0 if change is None or not change.numel() else float(change.max()) for change in changes]


def decided_by_rounding(trial: Trial, of: Of) -> bool:
    """Whether rounding inside the function leaves no digits of a result, as of the logarithm of a determinant of 0."""
    changes = steps_change(trial, of, torch.finfo(torch.float64).eps)
    return any(change > _DIGITS * (1 + _largest(x)) for change, x in zip(changes, of(trial), strict=True))


def singular(results: Sequence[Any], usual: Sequence[Any]) -> bool:
    """Whether some results are infinite, or would be but for rounding, where usually they are not."""
    pairs = zip(results, usual, strict=False)
    return any(_largest(here) / _SINGULAR > 1 + _largest(there) for here, there in pairs)


def _largest(x: Any) -> float:
    if not is_real(x) or not x.numel():
        return 0.0
    return float(x.detach().to(torch.float64).abs().nan_to_num(torch.inf, torch.inf).max())
