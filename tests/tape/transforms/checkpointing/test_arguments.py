"""What a checkpointed function may take, close over and return."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import checkpoint, grad, vjp
from tests.tape.transforms.checkpointing.comparison import block, close, same_bits


def test_pytrees_keywords_and_anything_else(x: Tensor) -> None:
    def f(p: Any, times: int, *rest: Any, add: Any = None, name: str = "") -> Any:
        assert name == "f"
        return {"y": p["w"] * times + add, "count": times, "whole": p["w"].argmax(), "none": None, "in": p["w"]}

    def of(f: Callable[..., Any]) -> Any:
        out, pullback = vjp(lambda w, a: f({"w": w}, 2, None, add=a, name="f"), x, x + 1)
        return out, pullback({"y": x, "count": None, "whole": None, "none": None, "in": x + 2})

    (out, cotangents), (expected, expected_cotangents) = of(checkpoint(f)), of(f)
    assert out.pop("count") == expected.pop("count") == 2
    same_bits((out, cotangents), (expected, expected_cotangents))


def test_a_closed_over_value_may_be_returned_as_it_is(x: Tensor) -> None:
    def f(x: Any) -> Any:
        first, second = checkpoint(lambda: (x, [x * 2]))()
        return (first * second[0]).sum()

    same_bits(grad(f)(x), 4 * x)


def test_one_value_as_two_arguments(x: Tensor) -> None:
    same_bits(grad(lambda x: checkpoint(lambda a, b: (a * b).sum())(x, x))(x), 2 * x)


def test_values_of_several_levels(x: Tensor) -> None:
    def of(wrap: Callable[..., Any]) -> Any:
        return grad(lambda w: grad(lambda x: (wrap(lambda: torch.sin(x * w) * w)()).sum())(x * 1.0).square().sum())(x)

    same_bits(of(checkpoint), of(lambda f: f))


def test_arguments_of_several_levels(x: Tensor) -> None:
    def of(wrap: Callable[..., Any]) -> Any:
        def inner(x: Any, w: Any) -> Any:
            first, second = wrap(lambda x, w: (torch.sin(x * w), w * w))(x, w)
            return (first * second).sum()

        return grad(lambda w: grad(inner)(x, w).square().sum())(x + 1)

    close(of(checkpoint), of(lambda f: f))


def test_a_value_of_an_ended_level_is_refused(x: Tensor) -> None:
    kept: list[Any] = []
    grad(lambda x: (kept.append(x), x.sum())[1])(x)
    for use in (
        lambda: checkpoint(torch.sin)(kept[0]),
        lambda: checkpoint(torch.mul)(kept[0], x),
    ):
        with pytest.raises(tape.TapeError, match=r"checkpoint of .* got a traced value whose transformation has ended"):
            use()
    with pytest.raises(tape.TapeError, match="has ended"):
        grad(lambda y: checkpoint(lambda: kept[0] * y)().sum())(x)


def test_nothing_traced_is_nothing_special(x: Tensor) -> None:
    assert type(checkpoint(block)(x)) is Tensor
    assert checkpoint(block).__name__ == "block"
    given = {"x": x}
    assert checkpoint(lambda *, given: given)(given=given) is given


def test_without_grad_mode_it_is_a_constant(x: Tensor) -> None:
    def f(x: Any) -> Any:
        with torch.no_grad():
            constant = checkpoint(block)(x)
        return (constant * x).sum()

    same_bits(grad(f)(x), block(x))


def test_no_grad_inside_stops_gradients(x: Tensor) -> None:
    def f(x: Any) -> Any:
        with torch.no_grad():
            constant = x * 3
        return (constant * x).sum()

    same_bits(grad(checkpoint(f))(x), 3 * x)
    same_bits(grad(lambda x: checkpoint(lambda: f(x))())(x), 3 * x)


def test_a_function_that_uses_nothing_traced(x: Tensor) -> None:
    same_bits(grad(lambda y: (checkpoint(block)(x) * y).sum())(x), block(x))


def test_with_microbatch_inside_and_outside(x: Tensor) -> None:
    rows = torch.rand(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loss = lambda w, rows: torch.sin(rows * w).mean()
    expected = grad(loss)(x, rows)
    close(grad(lambda w: checkpoint(lambda: tape.microbatch(loss, 2)(w, rows))())(x), expected)
    close(grad(tape.microbatch(checkpoint(loss), 2, threads=2))(x, rows), expected)


def test_under_vmap(x: Tensor) -> None:
    batch = torch.stack([x, x + 1])
    f = grad(lambda x: checkpoint(block)(x).sum())
    close(torch.func.vmap(f)(batch), torch.stack([f(row) for row in batch]))
