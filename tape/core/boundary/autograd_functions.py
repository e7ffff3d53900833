"""What torch's own autograd would differentiate by itself, a `torch.autograd.Function` or a reentrant checkpoint.

Torch runs the forward of such a function without gradients and asks its backward later. Here nobody would ask it: a
traced value that went through would come out as a constant, or with the derivative of the forward. Torch offers no hook
before the call, so `apply` itself is wrapped; a call without traced values is torch's, unchanged.
"""

import functools
import threading
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointFunction

from tape import tree
from tape.core.running import running
from tape.core.tape import Tape
from tape.core.traced import Traced
from tape.errors import TapeError

__all__ = ["refuse_inside"]

_inside = threading.local()
_apply = torch.autograd.Function.apply.__func__  # type: ignore[attr-defined]


@functools.wraps(_apply)
def _guarded(cls: type, *args: Any, **kwargs: Any) -> Any:
    if any(type(leaf) is Traced for leaf in tree.leaves((args, kwargs))):
        raise _refusal(cls)
    before = getattr(_inside, "running", None)
    _inside.running = cls, running()
    try:
        return _apply(cls, *args, **kwargs)
    finally:
        _inside.running = before


torch.autograd.Function.apply = classmethod(_guarded)  # type: ignore[assignment]


def refuse_inside(tape: Tape) -> None:
    """Refuses a value of a tape in such a function that closes over it."""
    inside = getattr(_inside, "running", None)
    if inside is not None and tape in inside[1]:
        raise _refusal(inside[0])


def _refusal(function: type) -> TapeError:
    if function is CheckpointFunction:
        return TapeError(
            "torch.utils.checkpoint in its reentrant form is differentiated by torch's own autograd: the derivative of "
            "a traced value would be lost; write tape.checkpoint(f)(x) in place of checkpoint(f, x)"
        )
    return TapeError(
        f"{function.__name__}.apply is differentiated by torch's own autograd: the derivative of a traced value would "
        "be lost; write the function with @tape.custom_vjp and .defvjp(forward, backward), or a straight-through "
        "estimator as x + tape.stop_gradient(f(x) - x)"
    )
