"""After an exception, and after a level has ended."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, vjp
from tape.core.running import standing_in
from tests.tape.transforms.comparison import same


def cube(x: Any) -> Any:
    return (x**3).sum()


def test_a_traced_value_that_outlives_its_level_raises(x: Tensor) -> None:
    kept: list[Any] = []
    grad(lambda x: (kept.append(x), x.sum())[1])(x)
    for use in (
        lambda: kept[0] + 1,
        lambda: torch.sin(kept[0]),
        lambda: vjp(torch.sin, kept[0]),
        lambda: vjp(lambda x: kept[0], x),
        lambda: grad(lambda x: (x.sum(), kept[0]), has_aux=True)(x),
    ):
        with pytest.raises(tape.TapeError, match="has ended"):
            use()
    with pytest.raises(tape.TapeError, match="has ended"):
        grad(lambda y: (y * kept[0]).sum())(x)


def test_a_value_that_something_stands_in_for_has_not_ended(x: Tensor) -> None:
    def f(x: Any) -> Any:
        with standing_in({x.tape: lambda x: x.value}):
            out, _ = vjp(lambda y: x, y)
        return (out * x).sum()

    y = x + 1
    same(grad(f)(x), 2 * x)


def test_an_exception_leaves_the_engine_usable(x: Tensor) -> None:
    kept: list[Any] = []

    def failing(x: Any) -> Any:
        kept.append(x * 2)
        raise KeyError("mine")

    for nested in (failing, lambda x: grad(failing)(x).sum()):
        with pytest.raises(KeyError, match="mine"):
            grad(nested)(x)
    with pytest.raises(tape.TapeError, match="has ended"):
        kept[0] * 2
    assert torch.is_grad_enabled()
    same(grad(cube)(x), 3 * x**2)


def test_an_exception_in_a_rule_names_the_op_and_argument(x: Tensor) -> None:
    @tape.primitive
    def broken(x: Any) -> Any:
        return x * 1

    def rule(g: Any) -> Any:
        raise ZeroDivisionError("in my rule")

    broken.defvjp(x=rule)
    with pytest.raises(ZeroDivisionError) as caught:
        grad(lambda x: broken(x).sum())(x)
    assert any("broken" in note and "'x'" in note for note in caught.value.__notes__)
    same(grad(cube)(x), 3 * x**2)
