"""Planning memory: on one time line each buffer opens and closes, and meanwhile it has a place in one arena.

What comes out is a map from buffers to places, and knows nothing of what the buffers mean.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tape.compiling.line import Line, buffers_in

__all__ = ["Lifetime", "Plan", "best_fit", "first_fit", "largest_first", "lifetimes", "plan"]

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


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
    """The smallest of the plans that three simple rules find."""
    return min((rule(alive) for rule in (first_fit, best_fit, largest_first)), key=lambda found: found.bytes)


def first_fit(alive: Sequence[Lifetime]) -> Plan:
    """In the order in which they open, each at the first place that is free."""
    return _placed(sorted(alive, key=lambda life: life.opens), lambda gaps: gaps[0])


def best_fit(alive: Sequence[Lifetime]) -> Plan:
    """In the order in which they open, each where the least is left over."""
    return _placed(sorted(alive, key=lambda life: life.opens), lambda gaps: min(gaps, key=lambda gap: gap[1]))


def largest_first(alive: Sequence[Lifetime]) -> Plan:
    """The largest first, each at the first place that is free for as long as it lives."""
    return _placed(sorted(alive, key=lambda life: (-life.bytes, life.opens)), lambda gaps: gaps[0])


Gap = tuple[int, float]  # where it begins, and its bytes


def _placed(order: Sequence[Lifetime], choose: Callable[[list[Gap]], Gap]) -> Plan:
    placed: list[tuple[int, int, Lifetime]] = []  # begin, end
    places = {}
    for life in order:
        size = -(-life.bytes // ALIGNMENT) * ALIGNMENT
        taken = sorted((begin, end) for begin, end, other in placed if _together(life, other))
        begin, _ = choose([gap for gap in _gaps(taken) if gap[1] >= size])
        places[life.buffer] = begin
        placed.append((begin, begin + size, life))
    return Plan(places, max((end for _, end, _ in placed), default=0))


def _gaps(taken: list[tuple[int, int]]) -> Iterator[Gap]:
    """What is free between places that are taken, in order; behind them there is no end."""
    free = 0
    for begin, end in taken:
        yield free, begin - free  # below nothing where places overlap that are not taken at once
        free = max(free, end)
    yield free, math.inf


def _together(one: Lifetime, other: Lifetime) -> bool:
    return one.opens <= other.closes and other.opens <= one.closes
