"""The mutation test: every mutant is noticed by a judge, or stands in the table of equivalent ones."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tape.verify.mutants.equivalent import EQUIVALENT
from tape.verify.mutants.judging import Judge, by_differences, by_tests, time_limit
from tape.verify.mutants.sites import ENGINE, Mutant, applied, engine_mutants, rule_mutants

__all__ = ["Outcome", "judge_mutants", "run_mutants"]


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
        chosen += engine_mutants(("tape.recording",) if module is None else (module,) if module in ENGINE else ())
    return judge_mutants(chosen, on_survivor=on_survivor)


def judge_mutants(
    mutants: Iterable[Mutant],
    *,
    judge: Judge = by_differences,
    tests: Callable[[str], None] = by_tests,
    on_survivor: Callable[[Mutant], object] = lambda mutant: None,
) -> Outcome:
    """Lets the judges try each mutant that is not known to be equivalent.

    Args:
        judge: verifies one op, and is asked about each op that the mutant concerns.
        tests: verifies one module, and is asked about a mutant that no `judge` noticed.

    Raises what a judge raises about the unchanged code.
    """
    outcome = Outcome()
    start = time.monotonic()
    modules: set[str] = set()
    for mutant in mutants:
        if mutant.module not in modules:
            modules.add(mutant.module)
            tests(mutant.module)  # a judge that finds fault with the right code would kill every mutant
        if mutant.key in EQUIVALENT:
            outcome.equivalent += 1
        elif _survives(mutant, judge, tests):
            outcome.survivors.append(mutant)
            on_survivor(mutant)
        else:
            outcome.killed += 1
    outcome.seconds = time.monotonic() - start
    return outcome


def _survives(mutant: Mutant, judge: Judge, tests: Callable[[str], None]) -> bool:
    for op in mutant.ops:
        judge(op)  # whatever a judge prepares, it prepares from the right code
    with applied(mutant):
        try:
            with time_limit(60):
                for op in mutant.ops:
                    judge(op)
                tests(mutant.module)
        except Exception:
            return False
    return True
