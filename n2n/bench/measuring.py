"""Measuring the rows, the chain, the look-up and the growth."""

import random
from collections.abc import Callable
from statistics import median

from n2n.bench.machine import cores, full_precision, machine
from n2n.bench.memory import Job, Peaks
from n2n.bench.peers.chain import NUMBERS, OPERATIONS
from n2n.bench.peers.choice import COMPILED, EAGER, OURS, absent, chains, makers
from n2n.bench.peers.lookup import ARGUMENTS, Lookup
from n2n.bench.peers.torch_compile import afresh
from n2n.bench.plan import Plan
from n2n.bench.problem import problem
from n2n.bench.results import Growth, Report, Start, Timed, compared, exponent, weighed
from n2n.bench.rows import CHAIN, CHAIN_GOALS, COMPILED_CHAIN_GOALS, GROWTH, LOOKUP, LOOKUP_GOAL, Row
from n2n.bench.timing import Taken, paired_rounds

__all__ = ["run"]

Tick = Callable[[str], object]
COMPILERS = (OURS, "torch.compile", "JAX jit")


def run(plan: Plan, tick: Tick = lambda doing: None) -> Report:
    """Measures. `tick` is called after each round and each peak, with what it belongs to."""
    described = machine(plan.device)
    timed: list[Timed] = []
    starts: list[Start] = []
    with cores(plan.threads), full_precision(), afresh(), Peaks(plan.device) as peaks:
        for row in plan.rows:
            taken = _taken(plan, row, tick)
            timed.append(_timed(plan, row, taken, peaks, tick))
            first = {name: taken.first[name] for name in COMPILERS if name in taken.first}
            starts.append(Start(row.name, row.title, first, row.first_call))
        if CHAIN in plan.only:
            timed += _chain(plan, tick)
        if LOOKUP in plan.only:
            starts.append(_lookup(plan, tick))
        growth = _growth(plan, peaks, tick) if GROWTH in plan.only else None
    missing = absent(plan.device)
    return Report(described, plan.threads, plan.rounds, plan.seed, plan.quick, missing, timed, starts, growth)


def _taken(plan: Plan, row: Row, tick: Tick) -> Taken:
    work = problem(row.network, row.side, row.batch, plan.seed, plan.device)
    chosen = makers(row.work, plan.device, plan.compiling).items()
    contenders = {name: make(work) for name, make in chosen if plan.takes_jax(row) or name != "JAX jit"}
    return paired_rounds(contenders, plan.rounds_of(row), random.Random(plan.seed), lambda: tick(row.name), plan.limit)


def _timed(plan: Plan, row: Row, taken: Taken, peaks: Peaks, tick: Tick) -> Timed:
    timed = compared(row.name, row.title, row.work, taken.rounds, row.goals)
    if row.memory is None or not plan.weighs(row):
        return timed
    return weighed(timed, _peaks(plan, row, peaks, tick), row.memory)


def _chain(plan: Plan, tick: Tick) -> list[Timed]:
    """The chain recorded, and the same compiled, each beside the peers."""
    contenders = chains(plan.seed, plan.device)
    with cores(1):
        taken = paired_rounds(contenders, plan.rounds, random.Random(plan.seed), lambda: tick(CHAIN), plan.limit)
    seconds = {name: [one / OPERATIONS for one in each] for name, each in taken.rounds.items()}
    recorded = {name: each for name, each in seconds.items() if name != COMPILED}
    compiled = {name: each for name, each in seconds.items() if name != OURS}
    goals = (CHAIN_GOALS, COMPILED_CHAIN_GOALS) if plan.device.type == "cpu" else ((), ())
    title = f"{OPERATIONS} operations on {NUMBERS} numbers"
    return [
        compared(CHAIN, title, "operation", recorded, goals[0]),
        compared(f"{CHAIN}-compiled", "the same, compiled", "operation", compiled, goals[1], COMPILED),
    ]


def _lookup(plan: Plan, tick: Tick) -> Start:
    with cores(1):
        taken = paired_rounds({OURS: Lookup()}, plan.rounds, random.Random(plan.seed), lambda: tick(LOOKUP))
    seconds = {name: median(each) for name, each in taken.rounds.items()}
    return Start(LOOKUP, f"cached call, {ARGUMENTS} arguments", seconds, LOOKUP_GOAL)


def _growth(plan: Plan, peaks: Peaks, tick: Tick) -> Growth:
    seconds: dict[str, list[float]] = {}
    used: dict[str, list[int]] = {}
    for row in plan.growth:
        for name, each in _taken(plan, row, tick).rounds.items():
            seconds.setdefault(name, []).append(median(each))
        if plan.weighs(row):
            for name, peak in _peaks(plan, row, peaks, tick).items():
                used.setdefault(name, []).append(peak)
    times = {name: exponent(plan.batches, each) for name, each in seconds.items()}
    memory = {name: exponent(plan.batches, each) for name, each in used.items()}
    return Growth("net4", plan.batches, seconds, used, times, memory)


def _peaks(plan: Plan, row: Row, peaks: Peaks, tick: Tick) -> dict[str, int]:
    used = {}
    for name in (OURS, *EAGER):
        used[name] = peaks(Job(row.work, name, row.network, row.side, row.batch, plan.seed, plan.threads))
        tick(f"{row.name} memory")
    return used
