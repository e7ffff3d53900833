"""Less memory for more time: a function whose intermediate values are worked out again when they are needed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from threading import Lock
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes, _get_current_dispatch_mode

from tape import tree
from tape.core.boundary.autocast import autocast_as_now
from tape.core.matching import is_float
from tape.core.one_step import observed_call, record_step, refuse_ended
from tape.core.running import recording, running, stand_ins, standing_in, stood_in
from tape.core.tape import Step, Tape
from tape.core.traced import Traced, box, like
from tape.errors import TapeError
from tape.transforms.exchanging import exchanges, in_force
from tape.transforms.gradients import vjp

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, of which a tape keeps the arguments alone, as `jax.checkpoint` and
    `torch.utils.checkpoint` do.

    When the derivative is worked out, the function runs a second time, so that its intermediate values are in
    memory only then. Values are the same bits; derivatives of any order are the same up to the order of their sums.

    Args:
        f: takes pytrees of tensors and anything else, returns a pytree. It must be pure. Traced values that it
            closes over count as its arguments. It may draw random numbers from torch's default generators, or from
            a `torch.Generator` among its arguments: the second run draws the same ones and leaves the generator as
            it found it. A generator that it closes over would draw others: pass it as an argument.

    Returns:
        a function of the same arguments with the same results.

    Raises TapeError in the sweep if the second run uses other traced values than the first or returns something
    else.

    >>> import tape
    >>> def block(x):
    ...     return torch.sin(torch.cos(torch.exp(x)))
    >>> x = torch.zeros(100)
    >>> tape.trace(block)(x).residual_bytes, tape.trace(checkpoint(block))(x).residual_bytes
    (800, 400)
    >>> tape.grad(lambda x: checkpoint(block)(x).sum())(x).equal(tape.grad(lambda x: block(x).sum())(x))
    True
    """
    name = f"checkpoint of {getattr(f, '__name__', repr(f))}"

    @wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs))
        leaves = [stood_in(leaf) for leaf in leaves]
        tapes = {leaf.tape for leaf in leaves if type(leaf) is Traced}.union(running()).difference(stand_ins())
        if not tapes or not torch.is_grad_enabled():
            return f(*args, **kwargs)
        repeatable, as_now, exchanged = _repeatable(leaves), autocast_as_now(), exchanges()

        def of_leaves(values: Sequence[Any]) -> Any:
            args, kwargs = tree.unflatten(treedef, values)
            with repeatable(), as_now(), in_force(exchanged):  # of a module around it, which has its own again by then
                return tree.map(stood_in, f(*args, **kwargs))

        try:
            return _in_one_step(name, of_leaves, leaves, sorted(tapes, key=lambda tape: tape.level))
        except RecursionError:
            if not stand_ins():  # no checkpoint is around this one
                raise
            raise TapeError(
                f"{name} is nested too deep in other checkpoints: checkpoint blocks one after the other, not one "
                "around the other, or allow more by sys.setrecursionlimit"
            ) from None

    return checkpointed


def _in_one_step(name: str, f: Callable[[Sequence[Any]], Any], leaves: Sequence[Any], tapes: list[Tape]) -> Any:
    """Calls `f` and records the call as one step of each tape that it concerns, from the innermost level outwards."""
    if not tapes:
        return f(leaves)
    *outer, tape = tapes
    around = stand_ins()  # an enclosing checkpoint's, which are gone when the sweep comes
    met: dict[int, Any] = {}  # the values of this level among the leaves, and those that `f` closes over

    mine = [leaf.slot if type(leaf) is Traced and leaf.tape is tape else None for leaf in leaves]
    if any(slot is not None for slot in mine):
        refuse_ended(name, tape)

    def stripped(x: Traced) -> Any:
        met[x.slot] = stood_in(x.value, around)
        return met[x.slot]

    def of_stripped(values: Sequence[Any]) -> Any:
        # Traced all the same, so that what `f` keeps or changes in place is noticed.
        forgetful = Tape()
        forgetful.steps = _Nothing()
        boxed = [x if slot is None else box(forgetful, x) for x, slot in zip(values, mine, strict=True)]
        with standing_in({tape: lambda x: box(forgetful, stripped(x))}), recording(forgetful):
            out = f(boxed)
        return tree.map(lambda y: y.value if type(y) is Traced and y.tape is forgetful else y, out)

    values = [leaf if slot is None else stripped(leaf) for leaf, slot in zip(leaves, mine, strict=True)]
    out = _in_one_step(name, of_stripped, values, outer)
    if not met:
        return out
    slots, inputs = list(met), list(met.values())
    outputs = [like(y) for y in tree.leaves(out) if is_float(y)]

    def again(*inputs: Any) -> list[Any]:
        fresh = dict(zip(slots, inputs, strict=True))

        def replaced(x: Traced) -> Any:
            if x.slot not in fresh:
                raise TapeError(f"{name}: its second run uses a traced value that the first did not; make it pure")
            return fresh[x.slot]

        with standing_in({**around, tape: replaced}):
            out = f([leaf if slot is None else fresh[slot] for leaf, slot in zip(leaves, mine, strict=True)])
        results = [y for y in tree.leaves(out) if is_float(y)]
        if list(map(like, results)) != outputs:
            raise TapeError(f"{name}: its second run returned tensors of other shapes than the first; make it pure")
        return results

    def pulled(inputs: Sequence[Any], cotangents: list[Any]) -> Any:
        return vjp(again, *inputs, keep=False)[1](cotangents)

    call = observed_call(lambda values: again(*values), inputs, slots, [y for y in tree.leaves(out) if is_float(y)])
    return record_step(tape, name, slots, out, inputs, checkpoint(pulled), call)


class _Nothing(list[Step]):
    """The steps of a tape that keeps none."""

    def append(self, step: Step) -> None:
        pass


def _repeatable(leaves: Sequence[Any]) -> Callable[[], Any]:
    """Around a call that is run again it makes the generators draw the same random numbers each time."""
    generators = [leaf for leaf in leaves if isinstance(leaf, torch.Generator)]
    generators += [torch.default_generator, *torch.cuda.default_generators]
    drawn: list[tuple[torch.Generator, torch.Tensor]] | None = None

    @contextmanager
    def repeatable() -> Iterator[None]:
        nonlocal drawn
        if drawn is None:
            before = [_state(generator) for generator in generators]
            yield
            pairs = zip(generators, before, strict=True)
            drawn = [(generator, state) for generator, state in pairs if not _same(_state(generator), state)]
            if drawn and _get_current_dispatch_mode() is not None:
                raise TapeError(
                    "checkpoint: a function that draws random numbers cannot be noted, by tape.compile or make_fx: its "
                    "second run would draw others; draw them outside and pass them"
                )
            return
        found = [_state(generator) for generator, _ in drawn]
        for generator, state in drawn:
            _set_state(generator, state)
        try:
            yield
        finally:
            for (generator, _), state in zip(drawn, found, strict=True):
                _set_state(generator, state)

    return repeatable


# In `get_state` torch holds a lock of the generator's while Python may collect garbage and run another thread: if that
# one asked for the state too, neither would ever go on.
_one_at_a_time = Lock()


def _state(generator: torch.Generator) -> torch.Tensor:
    with _one_at_a_time:
        return generator.get_state()


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    with _disable_current_modes():  # whoever notes operations is not concerned
        return one.equal(other)


def _set_state(generator: torch.Generator, state: torch.Tensor) -> None:
    with _one_at_a_time:
        generator.set_state(state)
