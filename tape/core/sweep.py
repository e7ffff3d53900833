"""The sweep: it goes through a tape backwards and gathers cotangents."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.boundary.autocast import is_autocast, without_autocast
from tape.core.tape import Like, Recipe, Step, Tape
from tape.core.traced import Traced, raw
from tape.errors import TapeError

__all__ = ["sweep", "version"]

# What cannot change in place.
_UNCHANGING = {Like, int, float, bool, str, type(None), torch.dtype, torch.device, torch.memory_format}


def sweep(tape: Tape, seeds: Sequence[tuple[int, Any]], wanted: Sequence[int], keep: bool) -> list[Any]:
    """The cotangents of the `wanted` slots, given those of some `seeds`.

    Unless `keep`, each step is dropped as soon as it has been swept, and its residuals with it. The results
    share memory with nothing.
    """
    if is_autocast():
        with without_autocast():
            return sweep(tape, seeds, wanted, keep)
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
            recipes = {id(x): x for x in residuals if type(x) is Recipe}  # once each, also of a value times itself
            made = {key: recipe.make() for key, recipe in recipes.items()}
            residuals = tuple(made.get(id(x), x) for x in residuals)
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
        elif type(x) is Recipe:
            total += version(x.args) + version(tuple(x.kwargs.values()))
        elif type(x) not in _UNCHANGING and not (type(x) is tuple and _UNCHANGING.issuperset(map(type, x))):
            leaves = map(raw, tree.leaves(x))
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
