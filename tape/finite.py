"""The guard that names the first step that makes a number that is not finite."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.errors import TapeError
from tape.observing import Call, Source, following, here, observed
from tape.recording import Like, Recipe, Step
from tape.traced import raw

__all__ = ["require_finite"]


@contextmanager
def require_finite(allow_infinity: bool = False) -> Iterator[None]:
    """A context in which a step that makes a NaN or an infinity is an error, forward or backward.

    It is in force for the transformations that begin inside it, in this thread and the threads of `microbatch`,
    and for their pullbacks wherever these are called. Each step is looked at as soon as it has run, so that the
    first one is named: with the line that it stands on (for a rule the line of the call that is differentiated),
    and with the range of what it was given. Where the rules of a derivative are differentiated, what is looked at
    is what each rule returns. Looking at each number takes time; outside the context nothing is looked at.

    Args:
        allow_infinity: whether only NaNs are an error, as for a function that masks with `-inf`.

    Raises TapeError where a step makes such a number.

    >>> import tape
    >>> with tape.require_finite():
    ...     tape.grad(lambda x: torch.sqrt(x).sum())(torch.tensor([4.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tape.errors.TapeError: the rule of sqrt for its argument 'x' made 1 inf among 2 numbers
      for the call at <doctest tape.finite.require_finite[1]>:2  tape.grad(lambda x: torch.sqrt(x).sum())(...
      g: float32[2], all 1
      ans: float32[2], from 0 to 2
    """

    def finite(x: Any) -> bool:
        return _finite(x, allow_infinity)

    def observe(step: Step, call: Call) -> Step:
        source = here()
        # What a rule makes on its way is its own affair: it may divide by 0 where it then masks.
        if not (source and source.rules) and not all(map(finite, tree.leaves(call.ans))):
            inputs = [*zip(call.names, call.args, strict=True), *call.options.items()]
            raise _error(step.primitive.name, "at", source, call.ans, inputs)

        def check(position: int, rule: Callable[..., Any], given: tuple[Any, ...], cotangent: Any) -> None:
            if not all(map(finite, tree.leaves(cotangent))):
                name = f"the rule of {step.primitive.label(position)}"
                inputs = list(zip(inspect.signature(rule).parameters, given, strict=False))
                raise _error(name, "for the call at", source, cotangent, inputs)

        return following(step, source, check)

    with observed(observe):
        yield


def _error(name: str, where: str, source: Source | None, made: Any, inputs: Sequence[tuple[str, Any]]) -> TapeError:
    described = [line for name, x in inputs for line in _described(name, x)]
    passed_on = any("already" in line for line in described)
    lines = [f"{name} {'passed on' if passed_on else 'made'} {_counted(made)}"]
    lines += [f"{where} {source}"] if source else []
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


def _counted(made: Any) -> str:
    """How many numbers are not finite, by their kinds."""
    values = [_plain(x) for x in tree.leaves(made)]
    tensors = [x for x in values if isinstance(x, Tensor) and x.is_floating_point()]
    kinds = {"nan": torch.isnan, "inf": torch.isposinf, "-inf": torch.isneginf}
    counts = {kind: sum(int(f(x).sum()) for x in tensors) for kind, f in kinds.items()}
    found = " and ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    total = sum(x.numel() for x in tensors)
    return f"{found} among {total} number{'s' * (total != 1)}"


def _finite(x: Any, allow_infinity: bool) -> bool:
    plain = _plain(x)
    if not isinstance(plain, Tensor) or not plain.is_floating_point():
        return True
    bad = torch.isnan(plain) if allow_infinity else ~torch.isfinite(plain)
    return not bool(bad.any())


def _plain(x: Any) -> Any:
    """The tensor with numbers to look at; under `torch.func.vmap` that of the whole batch."""
    plain = raw(x)
    return torch.func.debug_unwrap(plain, recurse=True) if isinstance(plain, Tensor) else plain
