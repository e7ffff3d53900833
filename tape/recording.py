"""The tape: the recorded steps of one call, and the sweep that goes through them backwards."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.errors import TapeError
from tape.observing import Call, Observer, observers
from tape.traced import Traced, raw

__all__ = ["Like", "Plan", "Recipe", "Step", "Tape", "is_view", "like", "sweep", "version"]

# A level is a number that no other transformation in the process has; an inner one's is larger. A global
# count rather than a depth per thread: a value closed over from another thread's level stays an outer one.
_levels = itertools.count(1)


class Like(NamedTuple):
    """What a tensor is like, without its numbers."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device


# What is made at each recorded call is made without the detour over a named tuple's constructor.
_new = tuple.__new__


def like(x: Any) -> Any:
    """The `Like` of a tensor or traced value, of each leaf of a pytree of them; anything else as it is."""
    if type(x) is Recipe:
        return x.like
    return _like_leaf(x) if isinstance(x, (Tensor, Traced)) else tree.map(_like_leaf, x)


def _like_leaf(x: Any) -> Any:
    x = raw(x)
    return _new(Like, (x.shape, x.dtype, x.device)) if isinstance(x, Tensor) else x


class Recipe(NamedTuple):
    """How to make a residual again: a primitive and its arguments, which may be recipes themselves."""

    primitive: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    like: Like

    def make(self) -> Any:
        return self.primitive(*[arg.make() if type(arg) is Recipe else arg for arg in self.args], **self.kwargs)


def is_view(x: Any, of: Any) -> bool:
    """Whether a tensor is a view of another one, and so needs no memory of its own."""
    base = raw(x)._base
    of = raw(of)
    return base is not None and isinstance(of, Tensor) and (base is of or base is of._base)


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


class Tape:
    """The record of one running transformation."""

    __slots__ = ("_ended", "direct", "level", "likes", "observers", "remakes", "steps")

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

    def trace(self, value: Any, recipe: "Recipe | None" = None) -> Traced:
        """Gives `value` the next slot; where a rule asks for it, its recipe is kept in its place."""
        slot = len(self.likes)
        self.likes.append(_like_leaf(value))
        return Traced(self, slot, value, recipe)


# What cannot change in place.
_UNCHANGING = {Like, int, float, bool, str, type(None), torch.dtype, torch.device, torch.memory_format}


def sweep(tape: Tape, seeds: Sequence[tuple[int, Any]], wanted: Sequence[int], keep: bool) -> list[Any]:
    """The cotangents of the `wanted` slots, given those of some `seeds`.

    Unless `keep`, each step is dropped as soon as it has been swept, and its residuals with it. The results
    share memory with nothing.
    """
    likes = tape.likes
    cotangents: list[Any] = [None] * len(likes)
    summed: set[int] = set()  # slots whose cotangent was made here, so that nobody else holds it

    def accumulate(slot: int, cotangent: Any) -> None:
        if cotangents[slot] is None:
            cotangents[slot] = cotangent
        else:
            cotangents[slot] = cotangents[slot] + cotangent
            summed.add(slot)

    for slot, seed in seeds:
        accumulate(slot, seed)
    steps = list(tape.steps) if keep else tape.steps
    while steps:
        primitive, plan, inputs, output, residuals, seen = step = steps.pop()
        if type(output) is int:
            g, cotangents[output] = cotangents[output], None
        else:
            g = _take(output, cotangents, likes)
        if g is None:
            continue
        if version(residuals) != seen:
            raise _changed(step)
        if Recipe in map(type, residuals):
            residuals = tuple(x.make() if type(x) is Recipe else x for x in residuals)
        pool = (g, *residuals)
        for position, rule, asked in plan.parts:
            try:
                cotangent = rule(*asked(pool))
            except Exception as error:
                error.add_note(f"in the rule of {primitive.label(position)}")
                raise
            slots = inputs[position]
            if type(slots) is int:
                to = likes[slots]
                if type(cotangent) is not Tensor or cotangent.shape != to.shape or cotangent.dtype is not to.dtype:
                    cotangent = _conform(cotangent, to, likes, step, position)
                if cotangents[slots] is None:
                    cotangents[slots] = cotangent
                else:
                    accumulate(slots, cotangent)
            else:
                for slot, part in zip(slots, _parts(cotangent, slots, step, position), strict=True):
                    if slot is not None:
                        accumulate(slot, _conform(part, likes[slot], likes, step, position))
    results = []
    for slot in wanted:
        cotangent = cotangents[slot]
        if cotangent is None:
            cotangent = _zeros(likes[slot])
        elif type(cotangent) is not Traced:
            cotangent = cotangent.detach() if slot in summed else cotangent.detach().clone()
        results.append(_on_device(cotangent, likes[slot]))
    return results


def _take(output: tuple[Any, ...], cotangents: list[Any], likes: list[Like]) -> Any:
    """Takes the cotangents of several outputs off the list; zeros fill in beside a part that has one."""
    parts = [None if slot is None else cotangents[slot] for slot in output]
    if all(part is None for part in parts):
        return None
    for place, slot in enumerate(output):
        if slot is not None:
            parts[place] = _zeros(likes[slot]) if parts[place] is None else parts[place]
            cotangents[slot] = None
    return tuple(parts)


def _changed(step: Step) -> TapeError:
    return TapeError(
        f"a tensor that the derivative of {step.primitive.name} needs was changed in place after it was "
        "recorded; change a clone of it instead"
    )


def version(residuals: tuple[Any, ...]) -> int:
    """A number that grows when one of the tensors behind some residuals is changed in place."""
    total = 0
    for x in residuals:
        if type(x) is Tensor:
            total += _version(x)
        elif type(x) not in _UNCHANGING and not (type(x) is tuple and _UNCHANGING.issuperset(map(type, x))):
            leaves = map(raw, tree.leaves(x))  # a recipe's, too
            total += sum(_version(leaf) for leaf in leaves if isinstance(leaf, Tensor))
    return total


def _version(x: Tensor) -> int:
    try:
        return x._version
    except RuntimeError:  # made in inference mode, where versions are not counted
        return 0


def _conform(cotangent: Any, to: Like, likes: list[Like], step: Step, position: int) -> Any:
    """Undoes broadcasting and dtype promotion where they explain the difference; refuses any other."""
    plain = raw(cotangent)
    if not isinstance(plain, Tensor):
        raise TapeError(
            f"the rule of {step.primitive.label(position)} returned {_describe(plain)} where a cotangent of "
            f"shape {tuple(to.shape)} is due"
        )
    shape, dtype = plain.shape, plain.dtype
    if dtype == to.dtype and shape == to.shape:
        return cotangent
    outs = [likes[slot] for slot in ((step.output,) if type(step.output) is int else step.output) if slot is not None]
    if shape != to.shape and any(_broadcast(to.shape, shape, out.shape) for out in outs):
        cotangent = _unbroadcast(cotangent, to.shape)
        shape = to.shape
    if dtype != to.dtype and any(dtype == out.dtype for out in outs):
        cotangent = cotangent.to(to.dtype)
        dtype = to.dtype
    if shape == to.shape and dtype == to.dtype:
        return cotangent
    raise TapeError(
        f"the rule of {step.primitive.label(position)} returned a cotangent of shape {tuple(shape)} and "
        f"{dtype}; the argument has shape {tuple(to.shape)} and {to.dtype}"
    )


def _broadcast(small: torch.Size, large: torch.Size, out: torch.Size) -> bool:
    """Whether `large` is what broadcasting made of `small` on the way to `out`."""
    extra = len(large) - len(small)
    if extra < 0 or len(large) != len(out):
        return False
    stretched = [i for i in range(len(large)) if i < extra or small[i - extra] != large[i]]
    return all(large[i] == out[i] and (i < extra or small[i - extra] == 1) for i in stretched)


def _unbroadcast(cotangent: Any, shape: torch.Size) -> Any:
    extra = len(cotangent.shape) - len(shape)
    if extra:
        cotangent = cotangent.sum(tuple(range(extra)))
    stretched = tuple(i for i, size in enumerate(shape) if size != cotangent.shape[i])
    return cotangent.sum(stretched, keepdim=True) if stretched else cotangent


def _parts(cotangent: Any, slots: list[Any], step: Step, position: int) -> list[Any]:
    parts = tree.leaves(cotangent)
    if len(parts) != len(slots):
        raise TapeError(
            f"the rule of {step.primitive.label(position)} returned {len(parts)} cotangents for an argument "
            f"of {len(slots)} leaves"
        )
    return parts


def _zeros(to: Like) -> Tensor:
    return torch.zeros(to.shape, dtype=to.dtype, device=to.device)


def _on_device(cotangent: Any, to: Like) -> Any:
    # A 0-d tensor on the CPU may have met tensors on another device.
    return cotangent if raw(cotangent).device == to.device else cotangent.to(to.device)


def _describe(x: Any) -> str:
    return "None" if x is None else f"a {type(x).__name__}"
