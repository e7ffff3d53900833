"""A whole function as one step of the tape, with a pullback of its own."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.errors import TapeError
from tape.observing import Call
from tape.recording import Plan, Step, Tape, version
from tape.traced import Traced, raw

__all__ = ["innermost", "one_step"]


class _Custom(NamedTuple):
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
    """Calls a function of `leaves` and records it as one step, on the tape of the innermost level among them.

    Args:
        name: how errors call the function.
        forward: takes the leaves without that level's boxes and returns `(out, residuals)`. It is not recorded at
            this level, but at the outer ones, so derivatives of higher order are right.
        backward: takes the residuals and a cotangent for each floating-point leaf of `out`; returns a cotangent
            for each leaf that is traced at this level, in order.

    Raises TapeError if `forward` uses a traced value of this level that is not among the leaves.
    """
    tape = innermost(leaves)
    if tape is None:
        return forward(list(leaves))[0]
    if tape.ended:
        raise TapeError(
            f"{name} got a traced value whose transformation has ended; return it from the function that is "
            "differentiated instead of keeping it"
        )
    mine = [type(leaf) is Traced and leaf.tape is tape for leaf in leaves]
    before = len(tape.steps)
    out, residuals = forward([leaf.value if own else leaf for leaf, own in zip(leaves, mine, strict=True)])
    if len(tape.steps) != before:
        raise TapeError(
            f"{name} uses a traced value that is not among its arguments, whose derivative would be lost; pass it "
            "as an argument"
        )
    outputs, treedef = tree.flatten(out)
    boxed = [tape.trace(y) if isinstance(raw(y), Tensor) and y.is_floating_point() else y for y in outputs]
    traced = [y.slot for y in boxed if type(y) is Traced and y.tape is tape]

    def rule(g: tuple[Any, ...], residuals: Any) -> tuple[Any, ...]:
        return tuple(backward(residuals, list(g)))

    plan = Plan(((0, rule, lambda pool: pool),), lambda places: places, ("residuals",), remade=False)
    slots = [leaf.slot for leaf, own in zip(leaves, mine, strict=True) if own]
    step = Step(_Custom(name), plan, [slots], tuple(traced), (residuals,), version((residuals,)))
    names = tuple(f"argument {i}" for i in range(len(leaves)))
    values = tuple(leaf.value if own else leaf for leaf, own in zip(leaves, mine, strict=True))
    all_slots = [leaf.slot if own else None for leaf, own in zip(leaves, mine, strict=True)]

    def run(*values: Any) -> tuple[Any, ...]:
        return tuple(tree.leaves(forward(list(values))[0]))

    tape.add(step, Call(run, names, values, all_slots, {}, tuple(outputs)))
    return tree.unflatten(treedef, boxed)


def innermost(leaves: Sequence[Any]) -> Tape | None:
    """The tape of the innermost level among some values; None if none is traced or recording is switched off."""
    if not torch.is_grad_enabled():
        return None
    tapes = [leaf.tape for leaf in leaves if type(leaf) is Traced]
    return max(tapes, key=lambda tape: tape.level, default=None)
