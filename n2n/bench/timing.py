"""Paired rounds: the machine's mood changes from second to second, so contenders are compared within a round only."""

import gc
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from n2n.bench.peers.contender import Contender

__all__ = ["Ratio", "Taken", "paired_rounds", "ratio"]

TURN = 0.02  # seconds that a turn lasts at least, so that the clock and one interruption matter little


@dataclass(frozen=True)
class Ratio:
    """A ratio's median over the rounds, and its quartiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Taken:
    """Seconds by contender: of its first step with all that had to be done before another could be run, and of a step
    in each round."""

    first: dict[str, float]
    rounds: dict[str, list[float]]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of times or sizes that were taken in the same rounds, the ratio within each.

    >>> ratio([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]).median
    1.0
    """
    low, median, high = np.quantile(np.divide(ours, theirs), [0.25, 0.5, 0.75]).tolist()
    return Ratio(median, low, high)


def paired_rounds(
    contenders: Mapping[str, Contender],
    rounds: int,
    shuffler: random.Random,
    tick: Callable[[], object] = lambda: None,
    limit: float = math.inf,
) -> Taken:
    """Seconds that a step took, per contender, an entry for each round; none begins after `limit` seconds.

    In a round each contender has one turn, in an order that is drawn anew. A turn begins with a step that is not
    timed: it brings back caches and threads that the one before had for itself. `tick` is called for each round.
    """
    first, later = _warm_up(contenders)
    repeats = max(1, math.ceil(TURN / min(later.values())))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    # What is here stays: collecting garbage before a turn, so that none is charged for another's, then costs little.
    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    try:
        for number in range(rounds):
            if number == 0 or time.perf_counter() - started < limit:
                shuffler.shuffle(order)
                for name in order:
                    seconds[name].append(_turn(contenders[name], repeats))
            tick()
    finally:
        gc.unfreeze()
    return Taken(first, seconds)


def _warm_up(contenders: Mapping[str, Contender]) -> tuple[dict[str, float], dict[str, float]]:
    """What the first step took, and what the faster of the two after it took."""
    first, later = {}, {}
    for name, contender in contenders.items():
        one, two, three = (_timed(contender, 1) for _ in range(3))
        # A program is noted in the first step, and written in the second if it had no time to run before.
        first[name], later[name] = one + max(0.0, two - three), min(two, three)
    return first, later


def _turn(contender: Contender, repeats: int) -> float:
    gc.collect()
    contender.step()
    contender.wait()
    return _timed(contender, repeats) / repeats


def _timed(contender: Contender, repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        contender.step()
    contender.wait()
    return time.perf_counter() - started
