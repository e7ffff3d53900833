"""The recorded program as a value: its listing, its drawing, its arithmetic, its replay; and the guard against NaN."""

from tape.programs.finite import require_finite
from tape.programs.program import Program
from tape.programs.tracing import trace

__all__ = ["Program", "require_finite", "trace"]
