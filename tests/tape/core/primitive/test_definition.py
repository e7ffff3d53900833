"""What a primitive is made of: a function, its signature, its rules."""

import functools
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, primitive
from tests.tape.core.primitive.examples import product


def test_it_is_called_like_the_function(x: Tensor) -> None:
    f = product()
    f.defvjp(x=lambda g, y, scale: g * y * scale, y=None)
    for call in (
        lambda x: f(x, x + 1),
        lambda x: f(x, y=x + 1),
        lambda x: f(y=x + 1, x=x),
        lambda x: f(x, x + 1, scale=1.0),
    ):
        torch.testing.assert_close(call(x), x * (x + 1))
        torch.testing.assert_close(grad(lambda x, call=call: call(x).sum())(x), x + 1)
    torch.testing.assert_close(grad(lambda x: f(x, 2, scale=3.0).sum())(x), torch.full_like(x, 6))
    assert f.__name__ == "product"
    assert "product" in repr(f)


def test_a_function_without_a_name_is_called_by_its_text(x: Tensor) -> None:
    unnamed = functools.partial(lambda y, x: x * y, 2.0)
    f = primitive(unnamed)
    assert f.name == repr(unnamed)
    f.defvjp(x=lambda g: g * 2)
    torch.testing.assert_close(grad(lambda x: f(x).sum())(x), torch.full_like(x, 2))


def test_defaults_of_positional_parameters_hold(x: Tensor) -> None:
    @primitive
    def power(x: Any, n: int = 2) -> Any:
        return x**n

    power.defvjp(x=lambda g, x, n: g * n * x ** (n - 1))
    torch.testing.assert_close(grad(lambda x: power(x).sum())(x), 2 * x)
    torch.testing.assert_close(grad(lambda x: power(x, n=3).sum())(x), 3 * x**2)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda *xs: xs[0], r"\*xs"),
        (lambda x, **options: x, r"\*options"),
        (lambda g: g, "'g'.*cotangent"),
        (lambda x, *, ans: x, "'ans'.*output"),
    ],
)
def test_a_signature_that_rules_could_not_name_is_refused(function: Any, named: str) -> None:
    with pytest.raises(tape.TapeError, match=named):
        primitive(function)


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"z": lambda g: g}, "'z' is not a parameter of product"),
        ({"scale": lambda g: g}, "'scale' is keyword-only"),
        ({"scale": None}, "'scale' is keyword-only"),
        ({"x": lambda g, z: g}, "rule for 'x' asks for 'z'"),
        ({"x": lambda g, z_like: g}, "asks for 'z_like'"),
        ({"x": lambda g, *others: g}, "asks for 'others'"),
        ({"x": lambda g, *, y: g}, "asks for 'y'"),
        ({"x": lambda g, **others: g}, "asks for 'others'"),
        ({"x": lambda g, ans_like: g}, "asks for 'ans_like'"),
    ],
)
def test_a_rule_that_asks_for_the_unknown_is_refused(rules: Any, named: str) -> None:
    f = product()
    with pytest.raises(tape.TapeError, match=named) as caught:
        f.defvjp(**rules)
    assert "product" in str(caught.value)


def test_a_missing_rule_is_named_at_first_use(x: Tensor) -> None:
    f = product()
    f.defvjp(x=lambda g, y, scale: g * y * scale)
    torch.testing.assert_close(grad(lambda x: f(x, 2.0).sum())(x), torch.full_like(x, 2))
    with pytest.raises(tape.TapeError, match=r"product has no rule for its argument 'y'.*product\.defvjp\(y="):
        grad(lambda y: f(2.0, y).sum())(x)


def test_rules_can_be_added_and_replaced(x: Tensor) -> None:
    f = product()
    f.defvjp(x=None)
    assert grad(lambda x: f(x, 2.0).sum())(x).eq(0).all()
    f.defvjp(x=lambda g, y: g * y)
    f.defvjp(y=lambda g, x: g * x)
    torch.testing.assert_close(grad(lambda x: f(x, x).sum())(x), 2 * x)
    f.defvjp(x=None)
    torch.testing.assert_close(grad(lambda x: f(x, x).sum())(x), x)


def test_a_rule_behind_a_zero_derivative_is_looked_at_too() -> None:
    with pytest.raises(tape.TapeError, match="asks for 'z'"):
        product().defvjp(x=None, y=lambda g, z: g)
