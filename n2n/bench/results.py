"""What was measured, as plain data that goes into the table, the plot and the JSON alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from n2n.bench.peers.choice import EAGER, OURS
from n2n.bench.rows import FASTER_EAGER, Goal
from n2n.bench.timing import Ratio, ratio

__all__ = ["Growth", "Judged", "Report", "Timed", "compared", "exponent"]


@dataclass(frozen=True)
class Judged:
    """A goal and what became of it. `against` is the peer that it came to be measured against."""

    against: str
    at_most: float
    ratio: float
    met: bool


@dataclass(frozen=True)
class Timed:
    """A row. `seconds` has an entry per contender and round, of one `unit`; `peaks` are bytes."""

    name: str
    title: str
    unit: str
    seconds: dict[str, list[float]]
    ratios: dict[str, Ratio]
    goals: list[Judged]
    peaks: dict[str, int]
    memory_goal: Judged | None


@dataclass(frozen=True)
class Growth:
    """Median seconds and peak bytes of a network's step over batch sizes, and the exponents fitted to them."""

    network: str
    batches: list[int]
    seconds: dict[str, list[float]]
    peaks: dict[str, list[int]]
    time_exponents: dict[str, float]
    memory_exponents: dict[str, float]


@dataclass(frozen=True)
class Report:
    """All of a run."""

    machine: dict[str, str]
    threads: int
    rounds: int
    seed: int
    quick: bool
    absent: list[str]
    rows: list[Timed]
    growth: Growth | None


def compared(
    name: str,
    title: str,
    unit: str,
    seconds: dict[str, list[float]],
    goals: Sequence[Goal],
    peaks: dict[str, int] | None = None,
) -> Timed:
    """The row of times and peaks. A goal against a peer that takes no part is left out."""
    peaks = peaks or {}
    ratios = {peer: ratio(seconds[OURS], theirs) for peer, theirs in seconds.items() if peer != OURS}
    judged = []
    for goal in goals:
        against = goal.against
        if against == FASTER_EAGER:
            against = min(EAGER, key=lambda peer: median(seconds[peer]))
        if against in ratios:
            judged.append(_judged(against, goal.at_most, ratios[against].median))
    memory_goal = None
    if peaks:
        leanest = min(EAGER, key=peaks.__getitem__)
        memory_goal = _judged(leanest, 1.0, peaks[OURS] / peaks[leanest])
    return Timed(name, title, unit, seconds, ratios, judged, peaks, memory_goal)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The p for which values = c·sizesᵖ fits best: least squares on the logarithms.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _judged(against: str, at_most: float, measured: float) -> Judged:
    return Judged(against, at_most, measured, measured <= at_most)
