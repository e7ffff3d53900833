"""The pullback of vjp: how often it may be called, and which cotangents it takes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import vjp
from tests.tape.transforms.comparison import same


def test_a_pullback_may_be_called_again(x: Tensor) -> None:
    _, pullback = vjp(lambda x: x**2, x)
    same(pullback(x), (2 * x * x,))
    same(pullback(-2 * x), (-4 * x * x,))


def test_a_pullback_returns_a_tuple_with_an_entry_for_each_primal(x: Tensor) -> None:
    _, pullback = vjp(lambda a, b: a["w"] * b, {"w": x, "unused": x}, x + 1)
    same(pullback(x), ({"w": x * (x + 1), "unused": torch.zeros_like(x)}, x * x))


def test_a_single_use_pullback_says_so_when_used_twice(x: Tensor) -> None:
    _, pullback = vjp(lambda x: x**2, x, keep=False)
    same(pullback(x), (2 * x * x,))
    with pytest.raises(tape.TapeError, match="keep=True"):
        pullback(x)


def test_a_wrong_cotangent_does_not_use_it_up(x: Tensor) -> None:
    _, pullback = vjp(lambda x: x**2, x, keep=False)
    with pytest.raises(tape.TapeError):
        pullback(x[:2])
    same(pullback(x), (2 * x * x,))


@pytest.mark.parametrize(
    ("cotangent", "named"),
    [
        (lambda x: {"a": x, "b": [x[:2]]}, r"output b\.0 has shape \(2,\).*\(3,\)"),
        (lambda x: {"a": x.float(), "b": [x]}, r"output a .*float32.*float64"),
        (lambda x: {"a": x.to_sparse(), "b": [x]}, r"output a .*sparse"),
        (lambda x: {"a": x.to("meta"), "b": [x]}, r"output a .*meta.*cpu"),
        (lambda x: {"a": 1.0, "b": [x]}, r"output a is 1\.0"),
        (lambda x: {"a": None, "b": [x]}, r"output a is None"),
        (lambda x: {"a": x, "b": [[x]]}, r"output b\.0 is a list"),
        (lambda x: {"a": x}, r"lacks b\.0"),
        (lambda x: {"a": x, "b": [x], "c": x}, "has c besides"),
        (lambda x: {"a": x, "b": (x,)}, r"is .*\(\*,\).* where the output is .*\[\*\]"),
        (lambda x: x, r"lacks a, b\.0"),
    ],
)
def test_a_cotangent_unlike_the_output_is_refused_by_path(cotangent: Callable[..., Any], named: str, x: Tensor) -> None:
    _, pullback = vjp(lambda x: {"a": x * 2, "b": [x]}, x)
    with pytest.raises(tape.TapeError, match=named):
        pullback(cotangent(x))


@pytest.mark.parametrize(
    ("cotangent", "message"),
    [
        (
            lambda x: {"a": x[:2], "b": [x]},
            "the cotangent of output a has shape (2,) and torch.float64 on cpu; "
            "the output has shape (3,) and torch.float64 on cpu",
        ),
        (
            lambda x: {"a": x.to_sparse(), "b": [x]},
            "the cotangent of output a has shape (3,) and torch.float64 on cpu, torch.sparse_coo; "
            "the output has shape (3,) and torch.float64 on cpu",
        ),
        (
            lambda x: {"a": 1, "b": [x]},
            "the cotangent of output a is 1; it must be a tensor of shape (3,)",
        ),
        (
            lambda x: {"a": x},
            "the cotangent has another structure than the output: it lacks b.0",
        ),
        (
            lambda x: {"a": x, "b": [x, x], "c": x},
            "the cotangent has another structure than the output: it has b.1, c besides",
        ),
        (
            lambda x: [x],
            "the cotangent has another structure than the output: it lacks a, b.0 and has 0 besides",
        ),
    ],
)
def test_a_refusal_says_what_is_there_and_what_is_due(cotangent: Callable[..., Any], message: str, x: Tensor) -> None:
    _, pullback = vjp(lambda x: {"a": x * 2, "b": [x]}, x)
    with pytest.raises(tape.TapeError) as caught:
        pullback(cotangent(x))
    assert str(caught.value) == message


def test_the_cotangent_of_a_lone_output_has_no_path(x: Tensor) -> None:
    _, pullback = vjp(torch.sin, x)
    with pytest.raises(tape.TapeError, match=r"^the cotangent is None; it must be a tensor of shape \(3,\)$"):
        pullback(None)
