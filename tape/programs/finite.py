"""The guard that names the first step that makes a number that is not finite."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from tape import tree
from tape.core.observing import Source, following, here, observed
from tape.core.tape import Call, Like, Recipe, Step, Tape
from tape.core.traced import raw
from tape.errors import TapeError

__all__ = ["require_finite"]


@contextmanager
def require_finite(allow_infinity: bool = False) -> Iterator[None]:
    """A context in which a step that makes a NaN or an infinity is an error, forward or backward.

    It is in force for the transformations that begin inside it, in this thread and the threads of `microbatch`,
    and for their pullbacks wherever these are called. Each step is looked at as soon as it has run, so that the
    first one is named: with the line that it stands on (for a rule the line of the call that is differentiated),
    and with the range of what it was given. Where the rules of a derivative are differentiated, what is looked at
    is what each rule returns. Looking at each number takes time; outside the context nothing is looked at.

    An infinity that is written down (`masked_fill(mask, -torch.inf)`) is no error, nor what later steps hand on
    of it. A NaN or an infinity that was in an input or a constant is an error of the first step that hands it on.

    Args:
        allow_infinity: whether only NaNs are an error.

    Raises TapeError where a step makes such a number.

    >>> import tape
    >>> def lengths(x):
    ...     return torch.sqrt(x * x).sum()
    >>> with tape.require_finite():  # doctest: +ELLIPSIS
    ...     tape.grad(lengths)(torch.tensor([2.0, 0.0]))
    Traceback (most recent call last):
    ...
    tape.errors.TapeError: the rule of sqrt for its argument 'x' made 1 inf among 2 numbers
      for the call at <doctest tape.programs.finite.require_finite[1]>:2  return torch.sqrt(x * x).sum()
      g: float32[2], all 1
      ans: float32[2], from 0 to 2
    ...
    """

    refused = {"nan"} if allow_infinity else {"nan", "inf", "-inf"}
    passed: WeakKeyDictionary[Tape, set[Any]] = WeakKeyDictionary()  # the slots that steps have filled

    def observe(tape: Tape, step: Step, call: Call) -> Step:
        source = here()
        # What a rule makes on its way is its own affair: it may divide by 0 where it then masks.
        in_rule = source is not None and source.rules
        made = refused & _kinds(call.ans).keys()
        if not in_rule and made and not made <= _handed_on(passed.setdefault(tape, set()), call):
            inputs = [*zip(call.names, call.args, strict=True), *call.options.items()]
            raise _error(step.primitive.name, "at", source, call.ans, inputs)

        def check(position: int, rule: Callable[..., Any], given: tuple[Any, ...], cotangent: Any) -> None:
            if refused & _kinds(cotangent).keys():
                name = f"the rule of {step.primitive.label(position)}"
                inputs = list(zip(inspect.signature(rule).parameters, given, strict=False))
                raise _error(name, "for the call at", source, cotangent, inputs)

        passed.setdefault(tape, set()).update(step.output if type(step.output) is tuple else (step.output,))
        return following(step, source, check)

    with observed(observe):
        yield


def _error(name: str, where: str, source: Source | None, made: Any, inputs: Sequence[tuple[str, Any]]) -> TapeError:
    described = [line for name, x in inputs for line in _described(name, x)]
    passed_on = any("already" in line for line in described)
    lines = [f"{name} {'passed on' if passed_on else 'made'} {_counted(made)}"]
    if source is not None:
        lines.append(f"{where} {source}")
        lines += [f"in the rule of {op}" for op in source.rules]
    return TapeError("\n  ".join([*lines, *described]))


def _described(name: str, x: Any) -> Iterator[str]:
    """The range of each tensor in an argument; other things as they are, what only tells a shape not at all."""
    for leaf, path in zip(tree.leaves(x), tree.paths(x), strict=True):
        full = f"{name} at {path}" if path else name
        plain = _plain(leaf)
        if isinstance(plain, Tensor):
            yield f"{full}: {str(plain.dtype).removeprefix('torch.')}{list(plain.shape)}, {_range(plain)}"
        elif not isinstance(plain, (Like, Recipe)) and plain is not None:
            yield f"{full}: {plain!r}"


def _range(x: Tensor) -> str:
    if x.numel() == 0:
        return "empty"
    good = x[torch.isfinite(x)].double() if x.is_floating_point() else x.double()
    if good.numel() == 0:
        ends = "no finite number"
    else:
        low, high = good.min().item(), good.max().item()
        ends = f"all {low:g}" if low == high else f"from {low:g} to {high:g}"
    return ends if good.numel() == x.numel() else f"{ends}; already {_counted(x)}"


def _handed_on(passed: set[Any], call: Call) -> set[str]:
    """The kinds that a step was given, by earlier steps, whose outputs have passed, or written down as numbers."""
    kinds: set[str] = set()
    for argument, slots in zip(call.args, call.slots, strict=True):
        if slots is not None:
            leaves = zip(tree.leaves(argument), slots if type(slots) is list else [slots], strict=True)
            kinds |= _kinds([x for x, slot in leaves if slot is not None and slot in passed]).keys()
    numbers = [x for x in tree.leaves((call.args, call.options)) if isinstance(x, float)]
    return kinds | _kinds(torch.tensor(numbers)).keys()


def _counted(made: Any) -> str:
    counts = _kinds(made)
    total = sum(x.numel() for x in map(_plain, tree.leaves(made)) if isinstance(x, Tensor) and x.is_floating_point())
    return f"{' and '.join(f'{n} {kind}' for kind, n in counts.items())} among {total} number{'s' * (total != 1)}"


_KINDS = {"nan": torch.isnan, "inf": torch.isposinf, "-inf": torch.isneginf}


def _kinds(made: Any) -> dict[str, int]:
    """How many numbers are not finite, by their kinds."""
    counts: dict[str, int] = {}
    for x in map(_plain, tree.leaves(made)):
        if isinstance(x, Tensor) and x.is_floating_point() and not bool(torch.isfinite(x).all()):
            for kind, count in _KINDS.items():
                if found := int(count(x).sum()):
                    counts[kind] = counts.get(kind, 0) + found
    return counts


def _plain(x: Any) -> Any:
    """The tensor with numbers to look at; under `torch.func.vmap` that of the whole batch."""
    plain = raw(x)
    return torch.func.debug_unwrap(plain, recurse=True) if isinstance(plain, Tensor) else plain
