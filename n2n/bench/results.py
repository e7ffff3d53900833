"""What was measured, as plain data that goes into the table, the plot and the JSON alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from n2n.bench.peers.choice import EAGER, OURS
from n2n.bench.rows import FASTER_EAGER, Goal
from n2n.bench.timing import Ratio, ratio

__all__ = ["Growth", "Judged", "Report", "Start", "Timed", "compared", "exponent", "weighed"]


@dataclass(frozen=True)
class Judged:
    """A goal and what became of it. `against` is the peer that it came to be measured against."""

    against: str
    at_most: float
    ratio: float
    met: bool


@dataclass(frozen=True)
class Timed:
    """A row. `seconds` has an entry per contender and round, of one `unit`; `ours` is the contender whose ratios to the
    others these are; `peaks` are bytes."""

    name: str
    title: str
    unit: str
    ours: str
    seconds: dict[str, list[float]]
    ratios: dict[str, Ratio]
    goals: list[Judged]
    peaks: dict[str, int]
    memory_goal: Judged | None


@dataclass(frozen=True)
class Start:
    """How many seconds it takes until something compiled runs, by contender, and the goal for tape's."""

    name: str
    title: str
    seconds: dict[str, float]
    at_most: float | None

    @property
    def met(self) -> bool:
        return self.at_most is None or self.seconds[OURS] <= self.at_most


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
    starts: list[Start]
    growth: Growth | None


def compared(
    name: str,
    title: str,
    unit: str,
    seconds: dict[str, list[float]],
    goals: Sequence[Goal],
    ours: str = OURS,
) -> Timed:
    """The row of times. A goal against a peer that takes no part is left out."""
    ratios = {peer: ratio(seconds[ours], theirs) for peer, theirs in seconds.items() if peer != ours}
    judged = []
    for goal in goals:
        against = goal.against
        if against == FASTER_EAGER:
            against = min(EAGER, key=lambda peer: median(seconds[peer]))
        if against in ratios:
            judged.append(_judged(against, goal.at_most, ratios[against].median))
    return Timed(name, title, unit, ours, seconds, ratios, judged, {}, None)


def weighed(row: Timed, peaks: dict[str, int], at_most: float) -> Timed:
    """The row with its peaks, and what became of the goal against the leaner torch eager."""
    leanest = min(EAGER, key=peaks.__getitem__)
    return replace(row, peaks=peaks, memory_goal=_judged(leanest, at_most, peaks[OURS] / peaks[leanest]))


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The p for which values = c·sizesᵖ fits best: least squares on the logarithms.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _judged(against: str, at_most: float, measured: float) -> Judged:
    return Judged(against, at_most, measured, measured <= at_most)
