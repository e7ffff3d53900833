"""The mutation test: every mutant is noticed by a judge, or stands in the table of equivalent ones."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tape.verify.mutants.equivalent import EQUIVALENT
from tape.verify.mutants.judging import Judge, by_differences, by_properties, by_rooms, by_tests, time_limit
from tape.verify.mutants.sites import ENGINE, Mutant, applied, engine_mutants, rule_mutants

__all__ = ["Outcome", "judge_mutants", "run_mutants"]

_LONGEST = 10  # times what a judge takes for the unchanged code: whoever ends by it never ends
_LEAST = 20.0  # seconds, of which a busy machine may take some


@dataclass
class Outcome:
    """What became of the mutants."""

    killed: int = 0
    equivalent: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        total = self.killed + self.equivalent + len(self.survivors)
        return (
            f"{total} mutants: {self.killed} killed, {self.equivalent} equivalent, {len(self.survivors)} survived; "
            f"{self.seconds:.0f} s"
        )


def run_mutants(
    *, op: str | None = None, module: str | None = None, on_survivor: Callable[[Mutant], object] = lambda mutant: None
) -> Outcome:
    """All mutants of the rules and of the engine, or those of one op's rules or of one module."""
    chosen: list[Mutant] = []
    if module not in ENGINE:
        chosen += [m for m in rule_mutants(None if op is None else [op]) if module in (None, m.module)]
    if op is None:
        chosen += engine_mutants([name for name in ENGINE if module in (None, name)])
    return judge_mutants(chosen, on_survivor=on_survivor)


def judge_mutants(
    mutants: Iterable[Mutant],
    *,
    judge: Judge = by_differences,
    tests: Judge = by_tests,
    rooms: Judge = by_rooms,
    properties: Judge = by_properties,
    on_survivor: Callable[[Mutant], object] = lambda mutant: None,
) -> Outcome:
    """Lets the judges try each mutant that is not known to be equivalent, until one notices it.

    Args:
        judge: verifies one op, and is asked about each op that the mutant concerns.
        tests: verifies one module, and is asked about a mutant that no `judge` noticed.
        rooms: verifies what stands around a module, and is asked about a mutant that `tests` did not notice.
        properties: verifies one op at length, and is asked about a mutant that `rooms` did not notice either.

    Raises what a judge raises about the unchanged code.
    """
    outcome = Outcome()
    start = time.monotonic()
    limits: dict[tuple[Judge, str], float] = {}
    for mutant in mutants:
        if mutant.key in EQUIVALENT:
            outcome.equivalent += 1
        elif (
            _notices(judge, mutant.ops, mutant, limits)
            or _notices(tests, (mutant.module,), mutant, limits)
            or _notices(rooms, (mutant.module,), mutant, limits)
            or _notices(properties, mutant.ops, mutant, limits)
        ):
            outcome.killed += 1
        else:
            outcome.survivors.append(mutant)
            on_survivor(mutant)
    outcome.seconds = time.monotonic() - start
    return outcome


def _notices(judge: Judge, subjects: Iterable[str], mutant: Mutant, limits: dict[tuple[Judge, str], float]) -> bool:
    for subject in subjects:
        if (judge, subject) not in limits:
            # A judge that finds fault with the right code would kill every mutant; and what it prepares for later
            # it must prepare from the right code.
            start = time.monotonic()
            judge(subject)
            limits[judge, subject] = max(_LEAST, _LONGEST * (time.monotonic() - start))
        try:
            with applied(mutant), time_limit(limits[judge, subject]):
                judge(subject)
        except Exception:
            return True
    return False
