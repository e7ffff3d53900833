"""The engine's own errors."""

__all__ = ["TapeError", "TapeTypeError"]


class TapeError(RuntimeError):
    """The root of the engine's own errors: what was wrong, in which op and argument, and what to do.

    A Python number where a tensor is due is a TypeError instead, a position out of range a ValueError.

    >>> import tape, torch
    >>> try:
    ...     tape.grad(torch.sin)(torch.ones(2))
    ... except tape.TapeError as error:
    ...     print(str(error).split("; ")[-1])
    reduce it with sum() or mean(), or use vjp
    """


class TapeTypeError(TapeError, TypeError):
    """A Python value that is no tensor where a tensor is due, or a tensor where a Python value is."""
