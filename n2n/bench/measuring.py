"""Measuring the rows, the chain and the growth."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from n2n.bench.machine import cores, full_precision, machine
from n2n.bench.memory import Job, Peaks, measurable
from n2n.bench.peers.chain import NUMBERS, OPERATIONS
from n2n.bench.peers.choice import EAGER, OURS, absent, chains, trainers
from n2n.bench.problem import problem
from n2n.bench.results import Growth, Report, Timed, compared, exponent
from n2n.bench.rows import CHAIN, FASTER_EAGER, GROWTH, Goal, Row, rows
from n2n.bench.timing import paired_rounds

__all__ = ["Plan", "names", "run"]

Tick = Callable[[str], object]
WITH_MEMORY = (OURS, *EAGER)


@dataclass(frozen=True)
class Plan:
    """What to measure, and how thoroughly. `only` are names of rows; a quick run leaves out most of JAX's
    compilations and of the batch sizes, and measures memory in the growth alone."""

    device: torch.device
    rounds: int
    threads: int
    seed: int
    quick: bool
    only: frozenset[str]

    @property
    def rows(self) -> list[Row]:
        return [row for row in rows(self.device).values() if row.name in self.only]

    @property
    def batches(self) -> list[int]:
        """Of the growth."""
        return [50, 200, 800] if self.quick else [50 * 2**doubling for doubling in range(8)]

    @property
    def limit(self) -> float:
        """Seconds after which no further round of a row begins: a minute shall do on a slow machine too."""
        return 2.5 if self.quick else math.inf

    def weighs(self, row: Row) -> bool:
        """Whether the memory of a row's step is measured."""
        return row.memory and not self.quick and measurable(self.device)

    @property
    def growth_rounds(self) -> int:
        return max(3, self.rounds // 3)

    @property
    def ticks(self) -> int:
        """How often a run calls its `tick`."""
        jobs = len(WITH_MEMORY)
        total = sum(self.rounds + jobs * self.weighs(row) for row in self.rows) + self.rounds * (CHAIN in self.only)
        jobs *= measurable(self.device)
        return total + (self.growth_rounds + jobs) * len(self.batches) * (GROWTH in self.only)


def names(device: torch.device) -> list[str]:
    """What `only` may name."""
    return [*rows(device), CHAIN, GROWTH]


def run(plan: Plan, tick: Tick = lambda doing: None) -> Report:
    """Measures. `tick` is called after each round and each peak, with what it belongs to."""
    described = machine(plan.device)
    with cores(plan.threads), full_precision(), Peaks(plan.device) as peaks:
        timed = [_row(plan, row, peaks, tick) for row in plan.rows]
        if CHAIN in plan.only:
            timed.append(_chain(plan, tick))
        growth = _growth(plan, peaks, tick) if GROWTH in plan.only else None
    missing = absent(plan.device)
    return Report(described, plan.threads, plan.rounds, plan.seed, plan.quick, missing, timed, growth)


def _row(plan: Plan, row: Row, peaks: Peaks, tick: Tick) -> Timed:
    with_jax = not plan.quick or any(goal.against == "JAX jit" for goal in row.goals)
    seconds = _seconds(plan, row, plan.rounds, with_jax, tick)
    size = "" if row.side == 32 else f" {row.side}×{row.side}"
    title = f"{row.network}{size}, batch {row.batch}"
    used = _peaks(plan, row, peaks, tick) if plan.weighs(row) else {}
    return compared(row.name, title, "step", seconds, row.goals, used)


def _chain(plan: Plan, tick: Tick) -> Timed:
    goals = (Goal("torch autograd", 1.2), Goal("HIPS autograd", 1.0), Goal("torch.func", 1.0))
    contenders = chains(plan.seed, plan.device)
    with cores(1):
        taken = paired_rounds(contenders, plan.rounds, random.Random(plan.seed), lambda: tick(CHAIN), plan.limit)
    seconds = {name: [one / OPERATIONS for one in each] for name, each in taken.items()}
    return compared(CHAIN, f"{OPERATIONS} operations on {NUMBERS} numbers", "operation", seconds, goals)


def _growth(plan: Plan, peaks: Peaks, tick: Tick) -> Growth:
    seconds: dict[str, list[float]] = {}
    used: dict[str, list[int]] = {}
    for batch in plan.batches:
        row = Row(GROWTH, "net4", batch, (Goal(FASTER_EAGER, 1.0),))
        for name, each in _seconds(plan, row, plan.growth_rounds, not plan.quick, tick).items():
            seconds.setdefault(name, []).append(median(each))
        for name, peak in _peaks(plan, row, peaks, tick).items():
            used.setdefault(name, []).append(peak)
    times = {name: exponent(plan.batches, each) for name, each in seconds.items()}
    memory = {name: exponent(plan.batches, each) for name, each in used.items()}
    return Growth("net4", plan.batches, seconds, used, times, memory)


def _seconds(plan: Plan, row: Row, rounds: int, with_jax: bool, tick: Tick) -> dict[str, list[float]]:
    work = problem(row.network, row.side, row.batch, plan.seed, plan.device)
    makers = trainers(plan.device).items()
    contenders = {name: make(work) for name, make in makers if with_jax or name != "JAX jit"}
    return paired_rounds(contenders, rounds, random.Random(plan.seed), lambda: tick(row.name), plan.limit)


def _peaks(plan: Plan, row: Row, peaks: Peaks, tick: Tick) -> dict[str, int]:
    if not measurable(plan.device):
        return {}
    used = {}
    for name in WITH_MEMORY:
        used[name] = peaks(Job(name, row.network, row.side, row.batch, plan.seed, plan.threads))
        tick(f"{row.name} memory")
    return used
