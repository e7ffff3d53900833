"""Functions as programs: noted once, then run as one straight line in planned memory."""

from tape.compiling.compiled import Compiled, compile
from tape.compiling.microbatching import microbatch
from tape.compiling.poisoning import poisoned
from tape.compiling.running import Program

__all__ = ["Compiled", "Program", "compile", "microbatch", "poisoned"]
