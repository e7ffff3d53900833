"""What a call of a primitive takes, returns and records."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, primitive, vjp
from tape.core.primitive import Primitive
from tape.core.tape import Tape
from tape.core.traced import box
from tests.tape.core.primitive.examples import product


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda f, x: f(x), "'y'"),
        (lambda f, x: f(y=x), "missing 1 required positional argument: 'x'"),
        (lambda f, x: f(x=x), "missing 1 required positional argument: 'y'"),
        (lambda f, x: f(x, x, x), "2 positional"),
        (lambda f, x: f(x, x, z=1), "'z'"),
        (lambda f, x: f(x, x, x=x), "multiple values for argument 'x'"),
        (lambda f, x: f(), "'x'"),
    ],
)
def test_wrong_arguments_are_a_type_error_that_names_the_op(call: Any, named: str, x: Tensor) -> None:
    f = product()
    f.defvjp(x=lambda g, y: g * y, y=None)
    for run in (lambda: call(f, x), lambda: vjp(lambda x: call(f, x), x)):
        with pytest.raises(TypeError, match=rf"product\(.*{named}"):
            run()


@pytest.mark.parametrize("scale", [lambda x: x, lambda x: (1.0, [x])])
def test_a_static_argument_cannot_be_traced(scale: Any, x: Tensor) -> None:
    f = product()
    f.defvjp(x=lambda g, y: g * y, y=None)
    with pytest.raises(tape.TapeError, match=r"product: its argument 'scale' is static"):
        vjp(lambda x: f(x, x, scale=scale(x)), x)


@pytest.mark.parametrize("returned", [None, 1.0, {"a": torch.ones(1)}])
def test_a_function_that_returns_no_tensor_is_refused(returned: Any, x: Tensor) -> None:
    odd = Primitive(lambda x: returned)
    odd.defvjp(x=lambda g: g)
    with pytest.raises(tape.TapeError, match=f"returned a {type(returned).__name__}"):
        vjp(odd, x)


@pytest.mark.parametrize("many", [False, True])
def test_a_complex_output_is_refused(many: bool, x: Tensor) -> None:
    @primitive
    def imaginary(x: Any) -> Any:
        return (x, x * 1j) if many else x * 1j

    imaginary.defvjp(x=lambda g: g)
    with pytest.raises(tape.TapeError, match=r"imaginary .*complex"):
        vjp(imaginary, x)


def test_without_gradients_static_arguments_still_hold(x: Tensor) -> None:
    f = product()

    def scaled(x: Any) -> Any:
        with torch.no_grad():
            return f(x, 2.0, scale=3.0)

    assert vjp(scaled, x)[0].equal(6 * x)


def test_an_integer_output_is_plain(x: Tensor) -> None:
    @primitive
    def largest(x: Any) -> Any:
        return torch.argmax(x)

    largest.defvjp(x=lambda g: g)
    recorded = Tape()
    place = largest(box(recorded, x))
    assert type(place) is Tensor
    assert place == 2
    assert recorded.steps == []


def test_nothing_is_recorded_without_a_traced_argument(x: Tensor) -> None:
    f = product()  # without rules
    torch.testing.assert_close(grad(lambda y: (f(x, x) * y).sum())(x), x * x)
