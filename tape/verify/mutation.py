"""The property of properties: faults put into a primitive's rules are caught on the calls that were drawn."""

from collections.abc import Mapping
from typing import Any

from tape.core.primitive import Primitive
from tape.verify.faults import Fault, faults_of
from tape.verify.judge import Judge
from tape.verify.properties.values import agrees_with_differences, agrees_with_differences_in_second_order
from tape.verify.trial import Call, Trial
from tape.verify.violation import Violation

__all__ = ["catches_its_mutants"]

_FUTILE = 5  # a fault that took no effect on so many calls is taken to be none


def catches_its_mutants(judge: Judge, primitive: Primitive[..., Any], equivalents: Mapping[str, str]) -> None:
    """Fails on a fault that takes effect and changes nothing that verification sees."""
    if not judge.calls:
        judge.skipped("mutants", "no call was drawn")
        return
    idle = 0
    names = set()
    for fault in faults_of(primitive):
        names.add(fault.name)
        if "as a constant" in fault.name and judge.order < 2:
            continue
        caught = _caught(judge, fault)
        if caught and fault.name in equivalents:
            violation = Violation(f"the fault {fault.name!r}, declared equivalent", "not caught", "caught")
            judge.fail("mutants", violation, caught)
        elif caught:
            judge.tally("mutants").examples += 1
        elif not fault.used:
            idle += 1
        elif fault.name not in equivalents:
            violation = Violation(f"the fault {fault.name!r}", "caught, or declared equivalent", "not caught")
            judge.fail("mutants", violation, judge.calls[0])
    unknown = [name for name in equivalents if name not in names]
    if unknown:
        raise ValueError(f"{primitive.name}: {unknown[0]!r} is declared equivalent, and there is no such fault")
    judge.skipped("mutants", "its rules leave nothing to spoil")
    if idle:
        judge.report.notes.append(f"{idle} faults in its rules took no effect on any call drawn")


def _caught(judge: Judge, fault: Fault) -> Call | None:
    """The first call on which verification notices."""
    second = "as a constant" in fault.name
    for number, call in enumerate(judge.calls):
        if second and number >= _FUTILE and not fault.used:
            return None
        trial = Trial(fault.primitive, call, judge.vjp, judge.strict)
        try:
            if not second:
                _ = trial.gradients
                if fault.used:
                    agrees_with_differences(trial, judge.tolerance("vjp"))
            else:
                agrees_with_differences_in_second_order(trial, judge.tolerance("second order"))
        except Exception:
            return call
    return None
