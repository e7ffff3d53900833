"""Every registered primitive, against finite differences in float64, first and second order."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tape
from tape.primitive import primitive
from tape.registry import op, registry
from tape.verify.differences import central_differences, directional_difference, inner
from tape.verify.drawing import Call, calls


def differentiable(primitive: Any, call: Call) -> tuple[Callable[..., list[Any]], list[Tensor]]:
    """The primitive as a function of its floating-point arguments alone, and those arguments."""
    leaves, treedef = tape.tree.flatten((call.args, call.kwargs))
    static = {id(leaf) for name in primitive.static for leaf in tape.tree.leaves(call.kwargs.get(name))}
    places = [
        i
        for i, leaf in enumerate(leaves)
        if isinstance(leaf, Tensor) and leaf.is_floating_point() and id(leaf) not in static
    ]

    def f(*inputs: Any) -> list[Any]:
        filled = list(leaves)
        for place, x in zip(places, inputs, strict=True):
            filled[place] = x
        args, kwargs = tape.tree.unflatten(treedef, filled)
        return list(tape.tree.leaves(primitive(*args, **kwargs)))

    return f, [leaves[i] for i in places]


def cotangents_for(outputs: list[Any], seed: int) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(y.shape, generator=generator, dtype=y.dtype) if y.is_floating_point() else None for y in outputs
    ]


def assert_close(actual: Any, expected: list[Tensor]) -> None:
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        assert a.dtype == e.dtype
        torch.testing.assert_close(a, e, rtol=1e-5, atol=1e-6)


def check_gradients(f: Callable[..., list[Any]], inputs: list[Tensor], seed: int) -> None:
    """The pullback of `f` agrees with differences, and so does the pullback of its pullback."""
    outputs, pullback = tape.vjp(f, *inputs)
    cotangents = cotangents_for(outputs, seed)
    assert_close(pullback(cotangents), central_differences(f, inputs, cotangents))

    count = len(inputs)

    def pulled(*values: Any) -> list[Any]:
        _, inner = tape.vjp(f, *values[:count])
        given = iter(values[count:])
        return list(inner([None if c is None else next(given) for c in cotangents]))

    values = [*inputs, *(c for c in cotangents if c is not None)]
    results, second = tape.vjp(pulled, *values)
    seeds = cotangents_for(results, seed + 1)
    gradients = second(seeds)
    for projection in range(3):
        direction = cotangents_for(values, seed + 2 + projection)
        expected = directional_difference(pulled, values, direction, seeds)
        torch.testing.assert_close(inner(gradients, direction), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(registry))
@given(data=st.data(), seed=st.integers(0, 2**31))
def test_rule_agrees_with_finite_differences_in_both_orders(name: str, data: st.DataObject, seed: int) -> None:
    primitive, domain = registry[name]
    f, inputs = differentiable(primitive, data.draw(calls(domain)))
    # An op whose result is converted to float32 has no more than float32's digits to difference.
    if any(y.dtype != torch.float64 for y in f(*inputs) if y.is_floating_point()):
        return
    check_gradients(f, inputs, seed)


def test_planted_faults_are_caught() -> None:
    x = torch.linspace(0.5, 1.5, 4, dtype=torch.float64)
    faults = {
        "sign": lambda g, x: -g * torch.cos(x),
        "scale": lambda g, x: 1.001 * g * torch.cos(x),
        "second order only": lambda g, x: g * torch.cos(tape.stop_gradient(x)),
        "not linear": lambda g, x: g.abs() * torch.cos(x),
    }
    for rule in faults.values():
        sine = primitive(lambda x: torch.sin(x))
        sine.defvjp(x=rule)
        with pytest.raises(AssertionError):
            check_gradients(lambda x, sine=sine: [sine(x)], [x], seed=0)


def test_there_are_at_least_sixty_primitives() -> None:
    assert len(registry) >= 60


def test_a_primitive_cannot_be_registered_without_a_domain() -> None:
    for domain in (None, (), [], torch.sin):
        with pytest.raises(tape.TapeError, match="needs a domain"):
            op(domain)  # type: ignore[arg-type]
