"""What is said of what cannot be recorded."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tape.core.refusals import METHOD_NAMES, function_name, in_place, no_rule, refused_keyword

IN_PLACE = "changes a tensor in place, which is not recorded; write"


def test_a_change_in_place_says_what_to_write_instead() -> None:
    assert str(in_place("x += y", "x = x + y")) == f"x += y {IN_PLACE} x = x + y instead"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("out", torch.ones(2), f"torch.sin(..., out=) {IN_PLACE} y = torch.sin(...) instead"),
        ("inplace", True, f"torch.sin(..., inplace=True) {IN_PLACE} inplace=False instead"),
        ("flag", True, "torch.sin does not support flag=True on a traced value"),
        ("n", 2, "torch.sin does not support n=2 on a traced value"),
        ("n", 0.5, "torch.sin does not support n=0.5 on a traced value"),
        ("mode", "fast", "torch.sin does not support mode='fast' on a traced value"),
        ("dtype", torch.int8, "torch.sin does not support dtype=torch.int8 on a traced value"),
        ("other", torch.ones(2), "torch.sin does not support the keyword other on a traced value"),
    ],
)
def test_a_keyword_that_is_refused_is_shown_where_it_is_short(key: str, value: Any, message: str) -> None:
    assert str(refused_keyword("torch.sin", key, value)) == message


def unknown(x: Any) -> Any:
    return x


def changed_(x: Any) -> Any:
    return x


def __kind__(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (Tensor.add_, f"Tensor.add_ {IN_PLACE} the function without the underscore instead"),
        (changed_, f"changed_ {IN_PLACE} the function without the underscore instead"),
        (
            Tensor.__setitem__,
            f"assigning a traced value {IN_PLACE} torch.where, torch.cat or torch.index_put instead",
        ),
        (
            Tensor.data.__set__,  # type: ignore[attr-defined]
            f"assigning a traced value {IN_PLACE} torch.where, torch.cat or torch.index_put instead",
        ),
        (
            Tensor.backward,
            "Tensor.backward has no derivative rule: torch's own autograd knows nothing of traced values; write "
            "tape.grad(f)(x), tape.value_and_grad or tape.vjp, which nest",
        ),
        (
            unknown,
            "unknown has no derivative rule: write it as a function of ops that have one and register it with "
            "@tape.implements(...), or define a primitive: @tape.primitive and .defvjp(...)",
        ),
        (
            __kind__,
            "__kind__ has no derivative rule: write it as a function of ops that have one and register it with "
            "@tape.implements(...), or define a primitive: @tape.primitive and .defvjp(...)",
        ),
    ],
)
def test_a_function_without_a_rule_says_what_to_write(function: Any, message: str) -> None:
    assert str(no_rule(function)) == message


def test_a_function_that_a_package_would_bring_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def bringer(name: str) -> str:
        asked.append(name)
        return "kin"

    monkeypatch.setattr("tape.core.refusals.bringer", bringer)
    assert str(no_rule(torch.nn.functional.mse_loss)) == (
        "torch.nn.functional.mse_loss has no derivative rule as long as the package kin, which has one, is not "
        "imported: write import kin"
    )
    assert asked == ["mse_loss"]


class Nameless:
    def __repr__(self) -> str:
        return "<nameless>"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch.sin, "torch.sin"),
        (Tensor.sin, "Tensor.sin"),
        (Tensor.__add__, "Tensor.__add__"),
        (torch.nn.functional.relu, "torch.nn.functional.relu"),
        (torch.linalg.inv, "torch.linalg.inv"),
        (torch.special.erfcx, "torch.special.erfcx"),
        (torch.fft.rfft, "torch.fft.rfft"),
        (unknown, "unknown"),
        (Nameless(), "<nameless>"),
    ],
)
def test_a_function_is_called_as_a_person_would_write_it(function: Any, name: str) -> None:
    assert function_name(function) == name


def test_a_method_goes_by_the_name_without_underscores_first() -> None:
    assert METHOD_NAMES[Tensor.__pow__][0] == "__pow__"
    assert METHOD_NAMES[Tensor.absolute] == ["absolute"]
