"""The judge: tries the properties on one call, counts, and writes the message of a failure."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from tape import tree
from tape.verify.properties import PROPERTIES
from tape.verify.properties.rounding import LinAlgError, singular
from tape.verify.report import Report, Tally
from tape.verify.subject import is_registered, name_of, named_arguments, shown, written_call
from tape.verify.trial import Call, Trial
from tape.verify.violation import VerificationError, Violation

__all__ = ["Judge"]

# One class of error for each property, so that hypothesis does not shrink one failure into another.
_ERRORS = {entry.name: type("VerificationError", (VerificationError,), {}) for entry in PROPERTIES}
_BY_NAME = {entry.name: entry for entry in PROPERTIES}
_LEFT_OUT = "calls at which the function is singular, though not at the example, are left out"
_EVERY = 4  # memory, which is slow to watch, is watched on one call in so many


class Judge:
    """One `check` in progress."""

    def __init__(
        self,
        function: Callable[..., Any],
        vjp: Callable[..., Any],
        order: int,
        tolerances: Mapping[str, float],
        skip: Mapping[str, str],
        report: Report,
        options: dict[str, Any],
    ) -> None:
        self.function = function
        self.vjp = vjp
        self.order = order
        self.tolerances = tolerances
        self.skip = skip
        self.report = report
        self.options = options  # as the snippet in a message repeats them
        self.strict = is_registered(function)
        self.calls: list[Call] = []  # those that all properties hold on
        report.tallies = {entry.name: Tally(entry.name, entry.says) for entry in PROPERTIES}
        for name, reason in skip.items():
            self.skipped(name, reason)
        if order < 2:
            self.skipped("second order", "order is 1")

    def tally(self, name: str) -> Tally:
        return self.report.tallies[name]

    def skipped(self, name: str, reason: str) -> None:
        self.tally(name).skipped = self.tally(name).skipped or reason

    def tolerance(self, name: str) -> float:
        return self.tolerances.get(name, _BY_NAME[name].tolerance)

    def _tolerance(self, name: str, trial: Trial) -> float:
        """Wider where the result has fewer digits than float64; but exact agreement stays exact."""
        tolerance = self.tolerance(name)
        return max(tolerance, 32 * trial.epsilon) if tolerance and not trial.wide else tolerance

    def judge(self, call: Call) -> None:
        """Tries every property that is tried on drawn calls."""
        self._judge(call, None)

    def judge_shapes(self, call: Call) -> None:
        """The same, of a call whose shapes are at an edge: whatever fails now fails because of it."""
        self._judge(call, "shapes")

    def judge_beside(self, example: Call) -> Callable[[Call], None]:
        """The same, of calls beside an example, unless the function says nothing there, as of a singular matrix."""
        usual = self._values(example)

        def judge(call: Call) -> None:
            values = self._values(call)
            if usual is None or (values is not None and not singular(values, usual)):
                self._judge(call, None)
            elif _LEFT_OUT not in self.report.notes:
                self.report.notes.append(_LEFT_OUT)

        return judge

    def _values(self, call: Call) -> list[Any] | None:
        """What the function gives, unrecorded; None where it refuses a matrix."""
        trial = Trial(self.function, self._copy(call), self.vjp)
        try:
            return trial.f(*trial.inputs)
        except LinAlgError:
            return None

    def _judge(self, call: Call, as_part_of: str | None) -> None:
        trial = Trial(self.function, call, self.vjp, self.strict)
        if not trial.inputs:
            return
        before = self._copy(call)
        for entry in PROPERTIES:
            if entry.holds is None or entry.name in self.skip or (entry.name == "second order" and self.order < 2):
                continue
            if entry.name == "memory" and call.seed % _EVERY:
                continue
            try:
                reason = entry.holds(trial, self._tolerance(entry.name, trial))
            except Exception as error:
                self.fail(as_part_of or entry.name, error, before, entry.says if as_part_of else "")
            if reason is None:
                self.tally(entry.name).examples += 1
            else:
                self.skipped(entry.name, reason)
        if as_part_of:
            self.tally(as_part_of).examples += 1
        self.report.kinks += trial.kinks
        self.report.notes += [note for note in dict.fromkeys(trial.notes) if note not in self.report.notes]
        self.report.calls += 1
        self.calls.append(before)

    def _copy(self, call: Call) -> Call:
        """The call as it is before anything could have been written into it."""
        args = tree.map(lambda x: x.clone() if isinstance(x, Tensor) else x, call.args)
        return Call(args, call.kwargs, call.seed, call.tied)

    def fail(
        self, name: str, error: Exception, call: Call, rather: str = "", declared: dict[str, Any] | None = None
    ) -> None:
        """Raises the error that a person reads. What was `declared` is what the snippet declares, too."""
        violation = error if isinstance(error, Violation) else None
        lines = [f"{name_of(self.function)} violates {name!r}: {_BY_NAME[name].says}"]
        if rather:
            lines.append(f"  property  {rather}")
        if violation:
            lines.append(f"  compared  {violation.what}")
        for argument, value in [*named_arguments(self.function, call.args), *call.kwargs.items()]:
            lines.append(f"  input     {argument} = {shown(value)}")
        if violation:
            lines.append(f"  expected  {shown(violation.expected)}")
            lines.append(f"  got       {shown(violation.got)}")
        else:
            notes = "; ".join(getattr(error, "__notes__", ()))
            lines.append(f"  got       {type(error).__name__}: {error}{f' ({notes})' if notes else ''}")
        lines += ["To run it again:", "", written_call(self.function, call, self.options | (declared or {}))]
        raise _ERRORS[name]("\n".join(lines), name) from (None if violation else error)
