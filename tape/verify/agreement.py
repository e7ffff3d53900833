"""Whether a pullback agrees with differences along a line, and if not, whether the function has a kink there.

One step decides nearly always. Where it does not, a ladder of steps is tried, each with its own estimate of what it may
be wrong by, and the derivative has to agree with the best of them, or with any that knows as much as the tolerance
asks. Where none does, the function may have a kink.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tape.verify.differences import LADDER, QUICK, Line, contracted
from tape.verify.kinks import explained_by_a_bend, explained_by_a_kink
from tape.verify.violation import Violation

__all__ = ["Agreement", "agree"]

_TOLD = 1e-4  # of the largest derivative, the noise that a quick answer may have
_CANCELLED = 1e-3  # of the tolerance, for terms that cancel
_TINY = torch.finfo(torch.float64).tiny
_HINT = " (if it has a kink there, declare it with kinks= or ties=; if it is not defined there, with domain=)"


class Agreement(NamedTuple):
    """What was found besides agreement: a kink, in words, or that rounding hides the derivative."""

    kink: str = ""
    hidden: bool = False


def agree(
    what: str,
    rows: Tensor,
    lines: Sequence[tuple[Line, Tensor, Tensor]],
    tolerance: float,
    strict: bool = False,
    slack: Callable[[Line], Tensor] | None = None,
) -> Agreement:
    """Compares derivatives with differences; raises Violation where they disagree.

    Args:
        what: the derivative, in words.
        rows: cotangents of the outputs, one a row.
        lines: lines through the same point, the likeliest first, each with the derivative that each row has along it,
            and the sum of the sizes of the terms that make it up.
        tolerance: relative to the derivative.
        strict: whether a kink is a violation, because whoever wrote the function was to declare it.
        slack: what rounding inside the rules may make of each row's derivative along a line; asked for only where
            there is no agreement without.
    """
    line, got, terms = lines[0]
    open_rows = torch.ones(len(rows), dtype=torch.bool)
    for t in QUICK:
        slopes, _, rounding = line.central(t)
        expected = contracted(rows, slopes)
        noise = 8 * contracted(rows.abs(), rounding)
        allowed = tolerance * expected.abs() + noise + _lost(line, rows, slopes, terms, tolerance)
        told = (noise <= _TOLD * expected.abs().max()) | (got == 0)
        open_rows &= ~(((got - expected).abs() <= allowed) & told)
        if not open_rows.any():
            return Agreement()
    open_rows &= ~_overflows(line, got, expected)
    hidden = torch.zeros(len(rows), dtype=torch.bool)
    for line, got, terms in lines:
        agrees, unseen = _on_the_ladder(line, rows, got, terms, tolerance)
        hidden |= unseen & open_rows
        open_rows &= ~agrees
        if not open_rows.any():
            return Agreement(hidden=bool(hidden.any()))
    if slack is not None:
        for line, got, terms in lines:
            agrees, _ = _on_the_ladder(line, rows, got, terms, tolerance, slack(line))
            open_rows &= ~agrees
    if not open_rows.any():
        return Agreement(hidden=bool(hidden.any()))
    for line, got, _ in [] if strict else lines:
        if bend := explained_by_a_bend(line, rows[open_rows], got[open_rows], tolerance):
            return Agreement(kink=f"{what}: {bend}")
        if kink := explained_by_a_kink(line, rows[open_rows], got[open_rows], tolerance):
            return Agreement(kink=f"{what}: {kink}")
    raise Violation(what + _HINT, expected[open_rows], lines[0][1][open_rows])


def _on_the_ladder(
    line: Line, rows: Tensor, got: Tensor, terms: Tensor, tolerance: float, slack: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """Which rows agree with what the steps say, and which of them only because rounding hides the difference."""
    steps = [line.slopes(t) for t in LADDER]
    expected = torch.stack([contracted(rows, s.central) for s in steps])
    noise = torch.stack([contracted(rows.abs(), s.noise) for s in steps])
    truncation = torch.stack([contracted(rows.abs(), s.truncation) for s in steps])
    # Where the next step says something else, this one was too long, or led over a kink.
    apart = ((expected[:-1] - expected[1:]).abs() - 8 * noise[1:]).clamp(min=0)
    truncation[:-1] = torch.maximum(truncation[:-1], apart)
    lost = torch.stack([_lost(line, rows, s.central, terms, tolerance) for s in steps])
    error = 8 * noise + 4 * truncation + lost + slack
    wrong = (got - expected).abs()
    close = wrong <= tolerance * expected.abs() + error
    precise = error <= tolerance * expected.abs()
    size = torch.maximum(expected.abs(), got.abs())
    # A step that is too long for the function says nothing, however wrong it says it may be.
    credible = truncation <= 0.01 * expected.abs() + noise + slack
    best = torch.where(error.isnan() | ~credible, torch.inf, error).argmin(0, keepdim=True)
    agrees = (close & precise).any(0) | (close & credible).gather(0, best)[0]
    unseen = (noise > 0.01 * size).gather(0, best)[0] & (got != 0)
    return agrees, agrees & unseen


def _lost(line: Line, rows: Tensor, slopes: Tensor, terms: Tensor, tolerance: float) -> Tensor:
    """What rounding may take of a derivative: of a sum of terms that cancel, and below float64's smallest number."""
    length = sum(float(d.abs().sum()) for d in line.direction if d is not None)
    return _CANCELLED * tolerance * torch.fmax(terms, contracted(rows.abs(), slopes.abs())) + _TINY * length


def _overflows(line: Line, got: Tensor, expected: Tensor) -> Tensor:
    """Where a derivative is infinite because what it should be is beyond float64's largest number."""
    reach = min(float(d[d != 0].abs().min()) for d in line.direction if d is not None and d.any())
    return (expected / reach).isinf() & (got.isnan() | (got.isinf() & (got.sign() == expected.sign())))
