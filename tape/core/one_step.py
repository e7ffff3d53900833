"""A whole function as one step of the tape, with a pullback of its own."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from tape import tree
from tape.core.matching import is_float
from tape.core.running import running, stood_in
from tape.core.sweep import version
from tape.core.tape import Call, Plan, Step, Tape
from tape.core.traced import Traced, box
from tape.errors import TapeError

__all__ = ["innermost", "no_closures", "observed_call", "one_step", "record_step", "refuse_ended"]


class _Function(NamedTuple):
    """Stands for the function where a step names its primitive."""

    name: str

    def label(self, position: int) -> str:
        return self.name


def one_step(
    name: str,
    leaves: Sequence[Any],
    forward: Callable[[list[Any]], tuple[Any, Any]],
    backward: Callable[[Any, list[Any]], Sequence[Any]],
) -> Any:
    """Calls a function of `leaves`, for which nothing stands in, and records it as one step, on the tape of the
    innermost level among them.

    Args:
        name: how errors call the function.
        forward: takes the leaves without that level's boxes and returns `(out, residuals)`. It is not recorded at
            this level, but at the outer ones, so derivatives of higher order are right.
        backward: takes the residuals and a cotangent for each floating-point leaf of `out`; returns a cotangent
            for each leaf that is traced at this level, in order.

    Raises TapeError if `forward` uses a traced value of this level or an inner one that is not among the leaves.
    """
    tape = innermost(leaves)
    if tape is None:
        return forward(list(leaves))[0]
    refuse_ended(name, tape)
    places = [leaf.slot if type(leaf) is Traced and leaf.tape is tape else None for leaf in leaves]
    stripped = [leaf if slot is None else leaf.value for leaf, slot in zip(leaves, places, strict=True)]
    check = no_closures(name, stripped, tape.level)
    out, residuals = forward(stripped)
    check(out)
    slots = [slot for slot in places if slot is not None]
    call = observed_call(lambda values: forward(values)[0], stripped, places, out)
    return record_step(tape, name, slots, out, residuals, backward, call)


def observed_call(f: Callable[[list[Any]], Any], values: Sequence[Any], slots: list[Any], out: Any) -> Call:
    """What an observer is told of a step that stands for a call of `f`."""

    def run(*values: Any) -> tuple[Any, ...]:
        return tuple(tree.leaves(f(list(values))))

    names = tuple(f"argument {i}" for i in range(len(values)))
    return Call(run, names, tuple(values), slots, {}, tuple(tree.leaves(out)))


def record_step(
    tape: Tape,
    name: str,
    slots: list[int],
    out: Any,
    residuals: Any,
    backward: Callable[[Any, list[Any]], Sequence[Any]],
    call: Call,
) -> Any:
    """Records one step that made `out` of the values at some slots, and gives `out` this level's boxes."""
    outputs, treedef = tree.flatten(out)
    boxed = [box(tape, y) if is_float(y) else y for y in outputs]
    traced = [y.slot for y in boxed if type(y) is Traced and y.tape is tape]

    def rule(g: tuple[Any, ...], residuals: Any) -> tuple[Any, ...]:
        return tuple(backward(residuals, list(g)))

    plan = Plan(((0, rule, lambda pool: pool),), lambda places: places, ("residuals",), remade=False)
    step = Step(_Function(name), plan, [slots], tuple(traced), (residuals,), version((residuals,)))
    tape.add(step, call)
    return tree.unflatten(treedef, boxed)


def innermost(leaves: Sequence[Any]) -> Tape | None:
    """The tape of the innermost level among some values; None if none is traced or recording is switched off."""
    if not torch.is_grad_enabled():
        return None
    tapes = [leaf.tape for leaf in leaves if type(leaf) is Traced]
    return max(tapes, key=lambda tape: tape.level, default=None)


def refuse_ended(name: str, tape: Tape) -> None:
    if tape.ended:
        raise TapeError(
            f"{name} got a traced value whose transformation has ended; return it from the function that is "
            "differentiated instead of keeping it"
        )


def no_closures(name: str, leaves: Sequence[Any], level: int = 0) -> Callable[[Any], None]:
    """A check of a function's output: it refuses what has been recorded meanwhile, at some level or further in, of
    other values than `leaves`."""
    given = set()
    for leaf in leaves:
        while type(leaf := stood_in(leaf)) is Traced:
            given.add((leaf.tape, leaf.slot))
            leaf = leaf.value
    tapes = {tape for tape, _ in given}.union(running())
    before = [(tape, len(tape.steps), len(tape.likes)) for tape in tapes if tape.level >= level]

    def check(out: Any) -> None:
        outputs = [stood_in(y) for y in tree.leaves(out)]
        for tape, steps, slots in before:
            used = [slot for step in tape.steps[steps:] for slot in tree.leaves(step.inputs)]
            used += [y.slot for y in outputs if type(y) is Traced and y.tape is tape]
            if any(slot < slots and (tape, slot) not in given for slot in used):
                raise TapeError(
                    f"{name} uses a traced value that is not among its arguments, whose derivative would be lost; "
                    "pass it as an argument"
                )

    return check
