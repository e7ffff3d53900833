"""Faults put into a primitive's own rules, to see that verification would notice them.

Each fault makes a copy of the primitive with one rule spoilt: its sign, its scale, its sum over a broadcast
dimension dropped, a residual taken as a constant, or two arguments' rules swapped. A residual that the rule
uses only as a constant (its sign, a comparison) leaves nothing to spoil: the recorded rule shows that.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.core.primitive import Primitive
from tape.core.traced import Traced, raw
from tape.transforms.gradients import stop_gradient

__all__ = ["Fault", "faults_of"]

Rule = Callable[..., Any]


class Fault(NamedTuple):
    """`primitive` is spoilt. `used` fills as its rules run: empty, and the fault was never in effect."""

    name: str
    primitive: Primitive[..., Any]
    used: set[str]


def faults_of(primitive: Primitive[..., Any]) -> Iterator[Fault]:
    """Every fault of every rule."""
    for argument, rule in primitive.rules.items():
        if rule is None:
            continue
        for name, spoil in (("negated", _negated), ("scaled", _scaled)):
            yield _fault(primitive, f"rule of {argument} {name}", {argument: rule}, spoil)
        name = f"rule of {argument} without its sum over broadcast dimensions"
        yield _fault(primitive, name, {argument: rule}, _unsummed, likes=f"{argument}_like")
        for residual in inspect.signature(rule).parameters:
            if residual != "g" and not residual.endswith("_like") and residual not in primitive.static:
                yield _detached(primitive, argument, rule, residual)
    given = [(argument, rule) for argument, rule in primitive.rules.items() if rule is not None]
    for i, (first, one) in enumerate(given):
        for second, other in given[i + 1 :]:
            if not _same(one, other):
                used: set[str] = set()
                swapped = {first: _noting(other, used), second: _noting(one, used)}
                yield Fault(f"rules of {first} and {second} swapped", _copy(primitive, swapped), used)


def _copy(primitive: Primitive[..., Any], rules: Mapping[str, Rule]) -> Primitive[..., Any]:
    copy: Primitive[..., Any] = Primitive(primitive.function)
    copy.name = primitive.name
    copy.rules = {**primitive.rules, **rules}
    return copy


def _fault(
    primitive: Primitive[..., Any],
    name: str,
    rules: Mapping[str, Rule],
    spoil: Callable[[Any, Any, set[str]], Any],
    likes: str | None = None,
) -> Fault:
    used: set[str] = set()

    def spoilt(rule: Rule) -> Rule:
        parameters = list(inspect.signature(rule).parameters.values())
        extra = [inspect.Parameter(likes, inspect.Parameter.POSITIONAL_OR_KEYWORD)] if likes else []
        names = [parameter.name for parameter in parameters]
        if likes in names:
            extra = []

        def with_fault(*values: Any) -> Any:
            result = rule(*values[: len(parameters)])
            return spoil(result, values[names.index(likes) if likes in names else -1], used)

        with_fault.__signature__ = inspect.Signature([*parameters, *extra])  # type: ignore[attr-defined]
        return with_fault

    return Fault(name, _copy(primitive, {argument: spoilt(rule) for argument, rule in rules.items()}), used)


# A fault counts as used on a call only where it changes a number: the negative of zero is no fault.


def _negated(result: Any, _: Any, used: set[str]) -> Any:
    if _not_zero(result):
        used.add("negated")
    return tree.map(lambda x: -x, result)


def _scaled(result: Any, _: Any, used: set[str]) -> Any:
    if _not_zero(result):
        used.add("scaled")
    return tree.map(lambda x: x * 1.01, result)


def _not_zero(result: Any) -> bool:
    return any(isinstance(raw(leaf), Tensor) and bool(raw(leaf).any()) for leaf in tree.leaves(result))


def _unsummed(result: Any, like: Any, used: set[str]) -> Any:
    """The first entry along each broadcast dimension, where the sweep would have summed them all."""
    plain = raw(result)
    if not isinstance(plain, Tensor) or plain.shape == like.shape:
        return result
    extra = plain.ndim - len(like.shape)
    if extra < 0:
        return result
    for _ in range(extra):
        if raw(result).shape[0] == 0:
            return raw(result).new_zeros(like.shape)
        result = result[0]
    for dim, size in enumerate(like.shape):
        if size == 1 and raw(result).shape[dim] > 1:
            result = result.narrow(dim, 0, 1)
    if raw(result).shape == like.shape and not torch.equal(raw(result), plain.sum_to_size(like.shape)):
        used.add("unsummed")
    return result


def _detached(primitive: Primitive[..., Any], argument: str, rule: Rule, residual: str) -> Fault:
    used: set[str] = set()
    place = list(inspect.signature(rule).parameters).index(residual)

    def with_fault(*values: Any) -> Any:
        stopped = stop_gradient(values[place])
        result = rule(*values[:place], stopped, *values[place + 1 :])
        if any(type(leaf) is Traced for leaf in tree.leaves(values[place])) and _depends(rule, values, place):
            used.add("detached")
        return result

    with_fault.__signature__ = inspect.signature(rule)  # type: ignore[attr-defined]
    name = f"rule of {argument} with {residual} as a constant"
    return Fault(name, _copy(primitive, {argument: with_fault}), used)


def _depends(rule: Rule, values: tuple[Any, ...], place: int) -> bool:
    """Whether a rule's result, recorded with one residual traced and the rest constant, is traced."""
    others = [stop_gradient(value) for value in values]
    others[place] = values[place]
    return any(type(leaf) is Traced for leaf in tree.leaves(rule(*others)))


def _same(one: Rule, other: Rule) -> bool:
    """Whether two rules are the same text, so that swapping them changes nothing."""
    a, b = getattr(one, "__code__", None), getattr(other, "__code__", None)
    if one is other:
        return True
    return bool(a and b and (a.co_code, a.co_consts, a.co_names) == (b.co_code, b.co_consts, b.co_names)) and (
        list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters)
    )


def _noting(rule: Rule, used: set[str]) -> Rule:
    def noted(*values: Any) -> Any:
        used.add("swapped")
        return rule(*values)

    noted.__signature__ = inspect.signature(rule)  # type: ignore[attr-defined]
    return noted
