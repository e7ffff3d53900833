"""custom_vjp: what is not differentiated, and how keywords are understood."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import custom_vjp, grad
from tests.tape.transforms.custom.making import close, made, product


class TestNondiffArgnums:
    def test_they_come_first_in_bwd(self, x: Tensor) -> None:
        def scaled(times: float, x: Any, function: Any) -> Any:
            return times * function(x)

        f = made(
            scaled,
            lambda times, x, function: (scaled(times, x, function), x),
            lambda times, function, x, g: (g * times * torch.cos(x),) if function is torch.sin else None,
            nondiff_argnums=(2, 0),
        )
        close(grad(lambda x: f(3.0, x, torch.sin).sum())(x), 3 * torch.cos(x))
        negative = made(scaled, f.fwd, f.bwd, nondiff_argnums=(-1, 0))
        close(grad(lambda x: negative(3.0, x, torch.sin).sum())(x), 3 * torch.cos(x))

    def test_a_tensor_among_them_is_a_constant(self, x: Tensor) -> None:
        f = made(torch.mul, lambda x, y: (x * y, None), lambda y, _, g: (g * y,), nondiff_argnums=[1])
        close(grad(lambda x: f(x, torch.full_like(x, 2)).sum())(x), torch.full_like(x, 2))
        close(grad(lambda x: f(x, tape.stop_gradient(x)).sum())(x), x)

    def test_a_traced_value_among_them_is_refused(self, x: Tensor) -> None:
        def times(x: Any, y: Any) -> Any:
            return x * y

        f = made(times, bwd=lambda y, _, g: (g,), nondiff_argnums=(1,))
        message = "custom_vjp times: argument 'y' is among nondiff_argnums and holds a traced value .*stop_gradient"
        for args in (lambda v: (v, v), lambda v: (x, [v]), lambda v: (x, [v, x])):
            with pytest.raises(tape.TapeError, match=message.replace(" .*", ", .*")):
                grad(lambda v, args=args: f(*args(v)).sum())(x)

    def test_they_are_those_of_the_definition(self, x: Tensor) -> None:
        numbers = [1]
        f = made(torch.mul, bwd=lambda y, _, g: (g * y,), nondiff_argnums=numbers)
        numbers[0] = 0
        close(grad(lambda v: f(v, x).sum())(x), x)

    def test_out_of_range(self, x: Tensor) -> None:
        with pytest.raises(ValueError, match=r"nondiff_argnums 2 is out of range: .* called with 1 argument"):
            made(torch.sin, nondiff_argnums=(2,))(x)


class TestKeywords:
    def test_they_are_understood_by_the_signature(self, x: Tensor) -> None:
        def f(x: Any, y: Any, times: Any = 2.0) -> Any:
            return x * y * times

        custom = made(f, lambda x, y, times: (x * y * times, (x, y, times)), lambda k, g: (g * k[1] * k[2], g, None))
        close(grad(lambda x: custom(y=x + 1, x=x).sum())(x), 2 * (x + 1) + 1)
        close(grad(lambda x: custom(x, times=3.0, y=x.detach()).sum())(x), 3 * x)

    def test_keyword_only_arguments_are_refused(self, x: Tensor) -> None:
        with pytest.raises(TypeError, match="custom_vjp <lambda>: the keyword 'y' has no position"):
            made(lambda x, *, y=1: x)(x, y=2)
        close(made(lambda x, *, y=2: x * y)(x), 2 * x)

    def test_a_function_without_a_signature_takes_positions(self, x: Tensor) -> None:
        f = made(torch.sin, lambda x: (torch.sin(x), x), lambda x, g: (g * torch.cos(x),))
        close(grad(lambda x: f(x).sum())(x), torch.cos(x))
        with pytest.raises(TypeError, match="by position"):
            f(input=x)

    def test_wrong_calls_are_type_errors(self, x: Tensor) -> None:
        with pytest.raises(TypeError, match="argument"):
            made(lambda x: x)(x, x)

    def test_it_presents_itself_as_the_function(self) -> None:
        custom = custom_vjp(product)
        assert custom.__name__ == "product"
        assert custom.__doc__ == "x sin(y), by hand."
        assert repr(custom) == "<custom_vjp product>"
