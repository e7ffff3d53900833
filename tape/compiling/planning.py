"""Planning memory: on one time line each buffer opens and closes, and meanwhile it has a place in one arena.

What comes out is a map from buffers to places, and knows nothing of what the buffers mean.
"""

import math
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from tape.compiling.line import Line, buffers_in

__all__ = ["Lifetime", "Plan", "best_fit", "first_fit", "largest_first", "lifetimes", "plan"]

ALIGNMENT = 64  # bytes: a cache line, and the widest vector
FEW = 1000  # lifetimes, of which each is compared with each


@dataclass(frozen=True)
class Lifetime:
    """A buffer, from the operation that makes it to the last one that needs it, both included."""

    buffer: int
    bytes: int
    opens: int
    closes: int


@dataclass(frozen=True)
class Plan:
    """Where each buffer begins in an arena of so many bytes."""

    places: dict[int, int]
    bytes: int


def lifetimes(line: Line, placed: Iterable[int]) -> list[Lifetime]:
    """The lifetimes of some buffers; one of the result lives until after the last operation."""
    opens: dict[int, int] = {}
    closes: dict[int, int] = {}
    for time, operation in enumerate(line.operations):
        for buffer in buffers_in((operation.args, operation.kwargs, operation.outputs)):
            opens.setdefault(buffer, time)
            closes[buffer] = time
    closes |= dict.fromkeys(buffers_in(line.result), len(line.operations))
    return [Lifetime(b, line.buffers[b].bytes, opens[b], closes[b]) for b in placed if b in opens]


def plan(alive: Sequence[Lifetime]) -> Plan:
    """The smallest of the plans that three simple rules find. One of them is quadratic, and for few alone."""
    rules = (first_fit, best_fit, largest_first) if len(alive) <= FEW else (first_fit, best_fit)
    return min((rule(alive) for rule in rules), key=lambda found: found.bytes)


def first_fit(alive: Sequence[Lifetime]) -> Plan:
    """In the order in which they open, each at the first place that is free."""
    return _in_order(alive, lambda gaps: gaps[0])


def best_fit(alive: Sequence[Lifetime]) -> Plan:
    """In the order in which they open, each where the least is left over."""
    return _in_order(alive, lambda gaps: min(gaps, key=lambda gap: gap[1] - gap[0]))


def largest_first(alive: Sequence[Lifetime]) -> Plan:
    """The largest first, each at the first place that is free for as long as it lives."""
    placed: list[tuple[int, int, Lifetime]] = []  # begin, end
    for life in sorted(alive, key=lambda life: (-life.bytes, life.opens)):
        begin, size = 0, _aligned(life.bytes)
        for low, high in sorted((low, high) for low, high, other in placed if _together(life, other)):
            if low - begin >= size:
                break
            begin = max(begin, high)
        placed.append((begin, begin + size, life))
    return Plan({life.buffer: begin for begin, _, life in placed}, max((end for _, end, _ in placed), default=0))


Gap = tuple[int, float]  # where it begins, and where it ends


def _in_order(alive: Sequence[Lifetime], choose: Callable[[list[Gap]], Gap]) -> Plan:
    free: list[Gap] = [(0, math.inf)]  # in order, and none touches the next; some are empty
    closing: list[tuple[int, int, int]] = []  # a heap: when, and which place is free then
    places, most = {}, 0
    for life in sorted(alive, key=lambda life: life.opens):
        while closing and closing[0][0] < life.opens:
            _free(free, *heappop(closing)[1:])
        size = _aligned(life.bytes)
        begin, end = gap = choose([gap for gap in free if gap[1] - gap[0] >= size])
        places[life.buffer] = begin
        if size:
            free[free.index(gap)] = (begin + size, end)
            heappush(closing, (life.closes, begin, begin + size))
            most = max(most, begin + size)
    return Plan(places, most)


def _free(free: list[Gap], begin: int, end: float) -> None:
    """Gives a place back: a gap of its own, or a part of those that it touches."""
    i = bisect(free, (begin, end))
    if free[i][0] == end:  # behind everything there is one
        end = free.pop(i)[1]
    if i and free[i - 1][1] == begin:
        begin = free.pop(i - 1)[0]
        i -= 1
    free.insert(i, (begin, end))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _together(one: Lifetime, other: Lifetime) -> bool:
    return one.opens <= other.closes and other.opens <= one.closes
