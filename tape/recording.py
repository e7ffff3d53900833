"""The tape: the recorded steps of one call, and the sweep that goes through them backwards."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.errors import TapeError
from tape.traced import Traced, raw

__all__ = ["Like", "Plan", "Step", "Tape", "like", "sweep"]

# A level is a number that no other transformation in the process has; an inner one's is larger. A global
# count rather than a depth per thread: a value closed over from another thread's level stays an outer one.
_levels = itertools.count(1)


class Like(NamedTuple):
    """What a tensor is like, without its numbers."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device


def like(x: Any) -> Any:
    """The `Like` of a tensor or traced value, of each leaf of a pytree of them; anything else as it is."""
    return tree.map(_like_leaf, x)


def _like_leaf(x: Any) -> Any:
    x = raw(x)
    return Like(x.shape, x.dtype, x.device) if isinstance(x, Tensor) else x


class Plan(NamedTuple):
    """What a primitive does when a certain set of its arguments is traced; worked out once for each set."""

    positions: tuple[int, ...]  # of the arguments that get a cotangent
    rules: tuple[Callable[..., Any], ...]  # one for each of the positions
    needs: tuple[tuple[int, ...], ...]  # for each rule, where its arguments are in (g, *residuals)
    kept: tuple[int, ...]  # what is kept: places in (*arguments, *static arguments, ans)
    kept_like: tuple[int, ...]  # what is kept as a Like; these follow the kept residuals


class Step(NamedTuple):
    """One recorded call of a primitive. Slots number the values on a tape."""

    primitive: Any
    plan: Plan
    inputs: tuple[Any, ...]  # for each position of the plan a slot, or a list of slots and Nones
    output: Any  # a slot, or a tuple of slots and Nones
    residuals: list[Any]
    versions: list[int]


class Tape:
    """The record of one running transformation."""

    __slots__ = ("ended", "level", "likes", "steps")

    def __init__(self) -> None:
        self.level = next(_levels)
        self.steps: list[Step] = []
        self.likes: list[Like] = []
        self.ended = False

    def trace(self, value: Any) -> Traced:
        """Gives `value` the next slot."""
        likes = self.likes
        plain = raw(value)
        likes.append(Like(plain.shape, plain.dtype, plain.device))
        return Traced(self, len(likes) - 1, value)


def sweep(tape: Tape, seeds: Sequence[tuple[int, Any]], wanted: Sequence[int], keep: bool) -> list[Any]:
    """The cotangents of the `wanted` slots, given those of some `seeds`.

    Unless `keep`, each step is dropped as soon as it has been swept, and its residuals with it. The results
    share memory with nothing.
    """
    cotangents: list[Any] = [None] * len(tape.likes)
    summed: set[int] = set()  # slots whose cotangent was made here, so that nobody else holds it

    def accumulate(slot: int, cotangent: Any) -> None:
        if cotangents[slot] is None:
            cotangents[slot] = cotangent
        else:
            cotangents[slot] = cotangents[slot] + cotangent
            summed.add(slot)

    for slot, seed in seeds:
        accumulate(slot, seed)
    for step in _backwards(tape.steps, keep):
        g = _take(step.output, cotangents, tape.likes)
        if g is None:
            continue
        _refuse_changed(step)
        plan = step.plan
        slots_out = (step.output,) if type(step.output) is int else step.output
        outs = [tape.likes[slot] for slot in slots_out if slot is not None]
        pool = [g, *step.residuals]
        for position, rule, needs, slots in zip(plan.positions, plan.rules, plan.needs, step.inputs, strict=True):
            try:
                cotangent = rule(*[pool[i] for i in needs])
            except Exception as error:
                error.add_note(f"in the rule of {step.primitive.label(position)}")
                raise
            if type(slots) is int:
                accumulate(slots, _conform(cotangent, tape.likes[slots], outs, step, position))
            else:
                for slot, part in zip(slots, _parts(cotangent, slots, step, position), strict=True):
                    if slot is not None:
                        accumulate(slot, _conform(part, tape.likes[slot], outs, step, position))
    results = []
    for slot in wanted:
        cotangent = cotangents[slot]
        if cotangent is None:
            cotangent = _zeros(tape.likes[slot])
        elif type(cotangent) is not Traced:
            cotangent = cotangent.detach() if slot in summed else cotangent.detach().clone()
        results.append(_on_device(cotangent, tape.likes[slot]))
    return results


def _backwards(steps: list[Step], keep: bool) -> Any:
    if keep:
        yield from reversed(steps)
    else:
        while steps:
            yield steps.pop()


def _take(output: Any, cotangents: list[Any], likes: list[Like]) -> Any:
    """Takes the output's cotangent off the list; zeros fill in beside a part that has one."""
    if type(output) is int:
        g, cotangents[output] = cotangents[output], None
        return g
    parts = [None if slot is None else cotangents[slot] for slot in output]
    if all(part is None for part in parts):
        return None
    for place, slot in enumerate(output):
        if slot is not None:
            parts[place] = _zeros(likes[slot]) if parts[place] is None else parts[place]
            cotangents[slot] = None
    return tuple(parts)


def _refuse_changed(step: Step) -> None:
    if step.versions != versions(step.residuals):
        raise TapeError(
            f"a tensor that the derivative of {step.primitive.name} needs was changed in place after it was "
            "recorded; change a clone of it instead"
        )


def versions(residuals: list[Any]) -> list[int]:
    """The version counters of the tensors among some residuals."""
    return [_version(r) for r in residuals]


def _version(residual: Any) -> int:
    plain = raw(residual)
    if isinstance(plain, Tensor):
        return 0 if plain.is_inference() else plain._version
    if type(plain) in (Like, int, float, bool, type(None)):
        return 0
    return sum(_version(leaf) for leaf in tree.leaves(plain) if isinstance(raw(leaf), Tensor))


def _conform(cotangent: Any, to: Like, outs: list[Like], step: Step, position: int) -> Any:
    """Undoes broadcasting and dtype promotion where they explain the difference; refuses any other."""
    plain = raw(cotangent)
    if not isinstance(plain, Tensor):
        raise TapeError(
            f"the rule of {step.primitive.label(position)} returned {_describe(plain)} where a cotangent of "
            f"shape {tuple(to.shape)} is due"
        )
    shape, dtype = plain.shape, plain.dtype
    if shape == to.shape and dtype == to.dtype:
        return cotangent
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
