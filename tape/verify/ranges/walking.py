"""The walk: every implementation that `implements` knows, over the whole range of each dtype."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from tape.core.traced import Traced
from tape.verify.ranges.calls import CALLS
from tape.verify.ranges.comparing import NOT_FINITE, Outcome, Undefined, compare
from tape.verify.ranges.drawing import Point, drawn, points
from tape.verify.ranges.example import Example, name_of

__all__ = ["DTYPES", "Finding", "Walk", "run_walk", "walk"]

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
_DRAWS = 8  # before torch's error counts as known


class Finding(NamedTuple):
    """Where a call is worse than torch's: the first point of its kind, and at how many points it is."""

    example: Example
    dtype: torch.dtype
    point: Point
    outcome: Outcome
    times: int

    def __str__(self) -> str:
        more = f" and {self.times - 1} more" if self.times > 1 else ""
        return f"{self.example} in {str(self.dtype)[6:]}\n    {self.outcome.what} at {self.point}{more}: {self.outcome}"


@dataclass
class Walk:
    """What a walk found, and what it tried. `undefined` are the calls and dtypes that torch refuses everywhere."""

    findings: list[Finding] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    calls: int = 0
    undefined: dict[str, str] = field(default_factory=dict)

    @property
    def wrong(self) -> set[str]:
        """The names of the functions that are worse than torch's somewhere."""
        return {name_of(finding.example.function) for finding in self.findings}

    def __str__(self) -> str:
        return (
            f"{len(self.functions)} functions on {self.calls} calls: {len(self.wrong)} are worse than torch's, "
            f"in {len(self.findings)} ways"
        )


def walk(
    examples: Iterable[Example] = CALLS,
    dtypes: Sequence[torch.dtype] = DTYPES,
    few: bool = False,
    seed: int = 0,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> Walk:
    """Compares every example at every point, in each dtype; with `few` at some magnitudes in place of all.

    >>> import torch
    >>> from tape.verify.ranges.example import call, wide
    >>> walk([call(torch.square, wide("3"))], few=True).findings
    []
    """
    result = Walk()
    for example in examples:
        result.functions.add(name_of(example.function))
        for dtype in dtypes:
            for finding in _along(result, example, dtype, few, seed):
                result.findings.append(finding)
                on_finding(finding)
    return result


def run_walk(
    only: str | None = None,
    dtypes: Sequence[str] = ("float32", "float16", "bfloat16"),
    few: bool = False,
    seed: int = 0,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> Walk:
    """The walk by names, as the command line gives them. Raises ValueError for one that is not known."""
    by_name = {str(dtype)[6:]: dtype for dtype in DTYPES}
    if unknown := sorted(set(dtypes) - set(by_name)):
        raise ValueError(f"ranges: --dtype is among {', '.join(by_name)}, not {', '.join(unknown)}")
    examples = [example for example in CALLS if only is None or only in name_of(example.function)]
    if not examples:
        raise ValueError(f"ranges: no function's name contains {only!r}")
    return walk(examples, [by_name[name] for name in dtypes], few, seed, on_finding)


def _along(result: Walk, example: Example, dtype: torch.dtype, few: bool, seed: int) -> list[Finding]:
    """One example in one dtype. What goes wrong in the same way at several points is one finding."""
    found: dict[tuple[str, str], list[tuple[Point, Outcome]]] = {}
    tried, reason = 0, ""
    for point in points(example, dtype, few):
        try:
            outcomes = _at(example, point, dtype, seed)
        except Undefined as undefined:
            reason = str(undefined)
            continue
        tried += 1
        if any(outcome.wrong for outcome in outcomes):
            for outcome in _confirmed(outcomes, example, point, dtype, seed):
                found.setdefault((outcome.what, outcome.broken), []).append((point, outcome))
    result.calls += tried
    if not tried:
        result.undefined[f"{example} in {str(dtype)[6:]}"] = reason
    return [Finding(example, dtype, *points[0], len(points)) for points in found.values()]


def _at(example: Example, point: Point, dtype: torch.dtype, seed: int) -> list[Outcome]:
    args, options = drawn(example, point, dtype, seed)
    ours = Traced.functions[example.function][1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compare(ours, example.function, args, options, example.inputs(), seed)


def _confirmed(
    outcomes: Sequence[Outcome], example: Example, point: Point, dtype: torch.dtype, seed: int
) -> list[Outcome]:
    """Those that are wrong even beside some more draws: at the point, and near it for what has no chance in it.

    In one of them torch's error may be larger. Where torch has lost numbers of float32's range, a sum has passed the
    largest number on its way, and that tape's does in another draw means nothing. Where a result is far smaller than
    in another draw at the same magnitude, terms of that size have cancelled in it, and it is as precise as they are.
    """
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    for draw in range(1, _DRAWS + 1):
        for other in (point, point._replace(magnitude=point.magnitude * (1 - 0.07 * draw))):
            try:
                again = {outcome.what: outcome for outcome in _at(example, other, dtype, seed + draw)}
            except Undefined:
                continue
            wrong = [_beside(o, again[o.what], dtype, other == point) if o.what in again else o for o in wrong]
            wrong = [outcome for outcome in wrong if outcome.wrong]
            if not wrong:
                return wrong
    return wrong


def _beside(outcome: Outcome, other: Outcome, dtype: torch.dtype, at_the_point: bool) -> Outcome:
    """An outcome with what another draw excuses."""
    if other.torch_lost and outcome.broken == NOT_FINITE and dtype is not torch.float16:
        return Outcome(outcome.what)
    if at_the_point and other.unit > outcome.unit:
        smaller = outcome.unit / other.unit
        outcome = outcome._replace(unit=other.unit, off=outcome.off * smaller, torch_off=outcome.torch_off * smaller)
    return outcome._replace(torch_off=max(outcome.torch_off, other.torch_off))
