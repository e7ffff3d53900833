"""The tape and what stands on it: plain data that knows no op and no traced value."""

import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch

__all__ = ["MOST_CALLS", "Call", "Like", "Observer", "Plan", "Recipe", "Step", "Tape", "observers"]


class Like(NamedTuple):
    """What a tensor is like, without its numbers."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device


class Recipe(NamedTuple):
    """How to make a residual again: a primitive and its arguments, which may be recipes themselves.

    It takes at most `MOST_CALLS` calls, so that a chain of a thousand recipes is neither a thousand calls deep nor,
    where each of its values is a residual, half a million calls long.
    """

    primitive: Any
    args: Sequence[Any]
    kwargs: dict[str, Any]
    like: Like
    calls: int  # of primitives, to make it

    def make(self) -> Any:
        return self.primitive(*[arg.make() if type(arg) is Recipe else arg for arg in self.args], **self.kwargs)


# Twice what a convolution asks for: its columns are the fifth or sixth value from the image that they are made of.
MOST_CALLS = 12


class Plan(NamedTuple):
    """What a primitive does when a certain set of its arguments is traced; worked out once for each set."""

    # For each argument that gets a cotangent its position, its rule, and what picks the rule's own arguments out of
    # (g, *residuals).
    parts: tuple[tuple[int, Callable[..., Any], Callable[[tuple[Any, ...]], tuple[Any, ...]]], ...]
    residuals: Callable[[tuple[Any, ...]], tuple[Any, ...]]  # picks them out of (*arguments, *static arguments, ans)
    kept: tuple[str, ...]  # the residuals' names
    remade: bool  # whether a rule that needs the output gets it made again


class Step(NamedTuple):
    """One recorded call of a primitive. Slots number the values on a tape."""

    primitive: Any
    plan: Plan
    inputs: list[Any]  # for each argument None, a slot, or a list of slots and Nones
    output: Any  # a slot, or a tuple of slots and Nones
    residuals: tuple[Any, ...]  # tensors, anything else that a rule asks for, and recipes
    version: int  # of the residuals, which must not change in place before the sweep


class Call(NamedTuple):
    """A recorded call, as its observers see it beside its step."""

    run: Callable[..., Any]  # does on other tensors what the call did
    names: tuple[str, ...]  # of the arguments
    args: Sequence[Any]  # without the boxes of the tape that records
    slots: list[Any]  # for each argument None, a slot, or for a pytree a list of slots and Nones
    options: dict[str, Any]
    ans: Any


# What looks on at each step before a tape records it, and gives back what is recorded in its place.
Observer = Callable[["Tape", Step, Call], Step]

# The observers of the tapes that begin in this context.
observers: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())

# A level is a number that no other transformation in the process has; an inner one's is larger. A global
# count rather than a depth per thread: a value closed over from another thread's level stays an outer one.
_levels = itertools.count(1)


class Tape:
    """The record of one running transformation."""

    __slots__ = ("__weakref__", "_ended", "direct", "level", "likes", "observers", "remakes", "steps")

    def __init__(self, *watching: Observer, remakes: bool = True) -> None:
        self.level = next(_levels)
        self.steps: list[Step] = []
        self.likes: list[Like] = []
        self.observers = (*observers.get(), *watching)
        self.remakes = remakes  # whether recipes are kept in place of what they make
        self.ended = False

    @property
    def ended(self) -> bool:
        """Whether nothing more may be recorded."""
        return self._ended

    @ended.setter
    def ended(self, ended: bool) -> None:
        self._ended = ended
        self.direct = not ended and not self.observers  # whether a call may record its step without asking anybody

    def add(self, step: Step, call: Call) -> None:
        for observer in self.observers:
            step = observer(self, step, call)
        self.steps.append(step)
