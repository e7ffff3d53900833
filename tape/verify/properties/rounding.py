"""What rounding may change: results are compared as closely as the function is determined by its inputs."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape.verify.trial import Trial, is_real
from tape.verify.violation import Violation, expect_close

__all__ = ["LinAlgError", "Of", "expect_close_to_rounding", "singular"]

LinAlgError: type[Exception] = torch.linalg.LinAlgError  # type: ignore[attr-defined]

Of = Callable[[Trial], Sequence[Any]]
"""The results to compare, at the inputs of a trial."""

_SINGULAR = 1e8  # so many times its usual size, a result is taken to be infinite but for rounding
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
    return [_SAFETY * x for x in most]


def singular(results: Sequence[Any], usual: Sequence[Any]) -> bool:
    """Whether some results are infinite, or would be but for rounding, where usually they are not."""
    pairs = zip(results, usual, strict=False)
    return any(_largest(here) / _SINGULAR > 1 + _largest(there) for here, there in pairs)


def _largest(x: Any) -> float:
    if not is_real(x) or not x.numel():
        return 0.0
    return float(x.detach().to(torch.float64).abs().nan_to_num(torch.inf, torch.inf).max())
