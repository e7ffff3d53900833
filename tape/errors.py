"""The engine's own errors."""

__all__ = ["TapeError"]


class TapeError(RuntimeError):
    """The root of the engine's own errors: what was wrong, in which op and argument, and what to do."""
