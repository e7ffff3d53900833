"""Fuzzing: programs drawn one after another, compared with torch, and shrunk where they disagree."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tape.core.registry import registry
from tape.verify.fuzz.comparing import Disagreement, OracleError, compare
from tape.verify.fuzz.drawing import Deck, draw_program
from tape.verify.fuzz.program import Program
from tape.verify.fuzz.shrinking import shrink

__all__ = ["Fault", "Report", "examine", "fuzz"]


@dataclass(frozen=True)
class Fault:
    """A disagreement with torch, on the smallest program found."""

    disagreement: Disagreement
    program: Program
    seed: int

    def __str__(self) -> str:
        return (
            f"# {self.disagreement.what} differs from torch's, seed {self.seed}\n"
            f"{self.program}\n\n"
            "from tape.verify.fuzz import compare\n\n"
            f"compare(program, inputs, seed={self.seed})\n"
            f"# {str(self.disagreement)[:500]}"
        )


@dataclass
class Report:
    """What was tried."""

    programs: int = 0
    steps: int = 0
    ops: Counter[str] = field(default_factory=Counter)
    oracle_errors: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    refused: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def never_drawn(self) -> dict[str, str]:
        """The ops that no compared program has, each with the commonest reason."""
        reasons = {name: self.refused.get(name, Counter()).most_common(1) for name in registry if not self.ops[name]}
        return {name: reason[0][0] if reason else "not dealt yet" for name, reason in reasons.items()}

    def summary(self) -> str:
        """Counts, and what was left out and why."""
        lines = [
            f"{self.programs} programs of {self.steps} steps, {len(+self.ops)} of {len(registry)} ops; "
            f"not comparable: {self.oracle_errors.total()}; faults: {len(self.faults)}",
            "calls per op: " + ", ".join(f"{name} {self.ops[name]}" for name in sorted(+self.ops)),
        ]
        lines += [f"not comparable, {count} times: {reason}" for reason, count in self.oracle_errors.most_common(5)]
        lines += [f"never drawn: {name} ({reason})" for name, reason in self.never_drawn.items()]
        return "\n".join(lines)

    def __str__(self) -> str:
        return "\n\n".join([self.summary(), *map(str, self.faults)])


def fuzz(
    *,
    programs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    on_fault: Callable[[Fault], None] = print,
) -> Report:
    """Draws and compares programs until their number or the time is reached; at most one fault for each op and kind.

    Args:
        on_fault: called with each fault as soon as it is shrunk.

    >>> fuzz(programs=2, seed=0).faults
    []
    """
    if programs is None and minutes is None:
        raise ValueError("fuzz needs a number of programs or of minutes")
    random = Random(seed)
    deck = Deck(random)
    report = Report(refused=deck.refused)
    end = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    known: set[tuple[str, tuple[str, ...]]] = set()
    while (programs is None or report.programs < programs) and time.monotonic() < end:
        program = draw_program(random, deck, random.randint(20, 60))
        program_seed = random.getrandbits(31)
        report.programs += 1
        try:
            fault = examine(program, program_seed)
        except OracleError as error:
            report.oracle_errors[str(error)[:200]] += 1
            continue
        report.steps += len(program.steps)
        report.ops.update(step.op for step in program.steps)
        if fault is not None:
            kind = fault.disagreement.what, tuple(step.op for step in fault.program.steps)
            if kind not in known:
                known.add(kind)
                report.faults.append(fault)
                on_fault(fault)
    return report


def examine(program: Program, seed: int) -> Fault | None:
    """The fault that a program shows, shrunk; None if it shows none."""
    first = _disagreement(program, seed)
    if first is None:
        return None

    def fails(candidate: Program) -> bool:
        try:
            found = _disagreement(candidate, seed)
        except OracleError:
            return False
        return found is not None and found.what == first.what

    smallest = shrink(program, fails)
    return Fault(_disagreement(smallest, seed) or first, smallest, seed)


def _disagreement(program: Program, seed: int) -> Disagreement | None:
    try:
        compare(program, list(program.inputs.values()), seed)
    except Disagreement as disagreement:
        return disagreement
    return None
