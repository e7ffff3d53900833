"""Looking on while a tape records: what an observer sees of a call, and the source line that the call stands on.

A tape with observers records each call in the general way and shows it to them. A tape without any, which is the
normal case, knows nothing of this.
"""

import linecache
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tape.core.tape import Call, Observer, Step, Tape, observers

__all__ = ["Source", "follow", "following", "here", "observed"]


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Has the tapes that begin inside observed, those of this thread and of threads with a copy of its context."""
    token = observers.set((*observers.get(), observer))
    try:
        yield
    finally:
        observers.reset(token)


class Source(NamedTuple):
    """Where a step comes from: a line, and if a rule made the step the ops whose rules, innermost first."""

    file: str
    number: int
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        path = Path(self.file)
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return f"{shown}:{self.number}  {linecache.getline(self.file, self.number).strip()}".rstrip()


# While a rule runs, the source of the call that it is the rule of.
_in_rule: ContextVar[Source | None] = ContextVar("in_rule", default=None)

_TAPE, _TORCH = Path(__file__).parents[1], Path(torch.__file__).parent
_OWN = (f"{_TAPE}/", f"{_TAPE.parent / 'nn'}/", f"{_TORCH}/", "<the call of ", "<compiled ")
_LIBRARY = f"{sysconfig.get_path('stdlib')}/"


def here() -> Source | None:
    """The caller's innermost line outside this project's packages, torch and the standard library; in a rule that of
    the call that is differentiated."""
    if (source := _in_rule.get()) is not None:
        return source
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OWN) and not (file.startswith(_LIBRARY) and "-packages" not in file):
            return Source(file, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def following(
    step: Step, source: Source | None, check: Callable[[int, Callable[..., Any], tuple[Any, ...], Any], None] | None
) -> Step:
    """The step with rules that know their call's source and show what they return to `check`.

    `check` takes the position of the argument, the rule, what the rule was given and what it returned.
    """

    def followed(position: int, rule: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(rule)
        def run(*given: Any) -> Any:
            name = step.primitive.name
            token = _in_rule.set(source._replace(rules=(name, *source.rules)) if source else None)
            try:
                cotangent = rule(*given)
            finally:
                _in_rule.reset(token)
            if check is not None:
                check(position, rule, given, cotangent)
            return cotangent

        return run

    parts = tuple((position, followed(position, rule), asked) for position, rule, asked in step.plan.parts)
    return step._replace(plan=step.plan._replace(parts=parts))


def follow(_tape: Tape, step: Step, _call: Call) -> Step:
    """Looks on for the sources' sake alone: the steps that a rule makes get the source of the rule's call."""
    return following(step, here(), None)
