"""Primitives with an argument that is a pytree."""

import functools
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, primitive, vjp
from tests.tape.core.primitive.examples import Halves


@pytest.fixture
def weighted() -> Any:
    @primitive
    def weighted(parts: Any, weights: Any) -> Any:
        return sum(w * part for w, part in zip(weights, tape.tree.leaves(parts), strict=True))

    weighted.defvjp(parts=lambda g, parts_like, weights: [w * g for w in weights], weights=None)
    return weighted


@pytest.mark.parametrize(
    "build",
    [
        lambda x, y: [x, y],
        lambda x, y: (x, y),
        lambda x, y: {"b": x, "a": y},
        lambda x, y: Halves(x, {"y": [y]}),
    ],
)
def test_a_rule_returns_one_cotangent_for_the_whole(weighted: Any, build: Any, x: Tensor) -> None:
    grads = grad(lambda x, y: weighted(build(x, y), [2.0, 3.0]).sum(), (0, 1))(x, x)
    torch.testing.assert_close(grads, (torch.full_like(x, 2), torch.full_like(x, 3)))
    torch.testing.assert_close(grad(lambda y: weighted(build(x, y), [2.0, 3.0]).sum())(x), torch.full_like(x, 3))


def test_leaves_of_several_levels_are_told_apart(weighted: Any) -> None:
    def f(x: Any) -> Any:
        inner = grad(lambda y: weighted([x * x, y * y], [2.0, 3.0]) * x)(x)
        return weighted([inner, x], [1.0, 1.0])

    # inner = 3 * 2x * x
    assert grad(f)(torch.tensor(2.0)) == 12 * 2 + 1


def test_the_innermost_of_several_levels_records_the_call_wherever_it_stands(weighted: Any) -> None:
    def product(x: Any, *, turned: bool) -> Any:
        def f(y: Any) -> Any:
            return weighted([y * y, x * x] if turned else [x * x, y * y], [2.0, 3.0])

        return grad(f)(x) * x

    assert grad(functools.partial(product, turned=True))(torch.tensor(2.0)) == 16
    assert grad(functools.partial(product, turned=False))(torch.tensor(2.0)) == 24


def test_a_later_argument_may_be_the_pytree(x: Tensor) -> None:
    @primitive
    def scaled(factor: float, parts: Any) -> Any:
        return factor * parts[0] * parts[1]

    scaled.defvjp(parts=lambda g, factor, parts: [g * factor * parts[1], g * factor * parts[0]])
    torch.testing.assert_close(grad(lambda x: scaled(3.0, [x, x]).sum())(x), 6 * x)


@pytest.mark.parametrize("inner", range(4))
@pytest.mark.parametrize("outer", range(4))
def test_an_outer_level_goes_by_the_rule_too(outer: int, inner: int) -> None:
    """And not by what the function does to a traced value: the rules here are not the function's."""

    @primitive
    def add(x: Any, y: Any, parts: Any) -> Any:
        return x + y + parts[0] + parts[1]

    add.defvjp(x=lambda g: 10 * g, y=lambda g: 20 * g, parts=lambda g: [30 * g, 40 * g])
    one = torch.ones(())

    def call(p: Any, q: Any) -> Any:
        values = [one, one, one, one]
        values[outer] = p
        values[inner] = q
        return add(values[0], values[1], values[2:])

    def value(p: Any) -> Any:
        return tape.value_and_grad(lambda q: call(p, q))(one if outer != inner else p)[0]

    assert grad(value)(one) == 10 * (outer + 1)


def test_a_wrong_number_of_cotangents_names_the_op_and_the_argument(x: Tensor) -> None:
    @primitive
    def join(parts: Any) -> Any:
        return torch.cat(list(parts))

    join.defvjp(parts=lambda g: [g])
    with pytest.raises(tape.TapeError, match=r"join for its argument 'parts' returned 1 cotangents.* 2 leaves"):
        grad(lambda x: join((x, x)).sum())(x)


def test_likes_and_changes_are_seen_at_every_leaf(x: Tensor) -> None:
    seen: list[Any] = []

    @primitive
    def pick(parts: Any) -> Any:
        return parts["a"] * parts["b"][0]

    def rule(g: Any, parts: Any, parts_like: Any) -> Any:
        seen.append(parts_like)
        return {"a": g * parts["b"][0], "b": [g * parts["a"]]}

    pick.defvjp(parts=rule)
    other = x.clone()
    _, pullback = vjp(lambda x: pick({"a": x, "b": [other]}), x)
    torch.testing.assert_close(pullback(x), (x * other,))
    like = (x.shape, x.dtype, x.device)
    assert seen == [{"a": like, "b": [like]}]
    other.add_(1)
    with pytest.raises(tape.TapeError, match=r"pick .*in place"):
        pullback(x)
