"""The call that is written out for a primitive: its parameters, and what it leaves to the general call."""

import sys
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape.core.calling import caller
from tape.core.primitive import Primitive
from tape.core.tape import Tape
from tape.core.traced import box


def test_it_has_the_primitives_parameters_and_defaults() -> None:
    def scaled(x: Tensor, factor: float = 2.0, *, by: float = 3.0) -> Tensor:
        return x * factor * by

    call = caller(Primitive(scaled))
    assert (call.__name__, call.__module__) == ("scaled", __name__)
    assert call.__code__.co_filename == "<the call of scaled>"  # in a traceback
    assert call(torch.ones(())) == 6
    assert call(factor=1.0, x=torch.ones(())) == 3
    assert call(torch.ones(()), 1.0, by=1.0) == 1


@pytest.mark.parametrize(
    "name", ["tape", "plan", "slots", "value_x", "Traced", "record", "function", "primitive", "Like", "ans_"]
)
def test_a_parameter_may_have_any_name(name: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def doubled({name}):\n    return {name} * 2", scope)
    doubled = tape.primitive(scope["doubled"])
    doubled.defvjp(**{name: lambda g: g * 2})
    assert tape.grad(doubled)(torch.ones(())) == 2


def test_a_primitive_may_have_static_parameters_alone() -> None:
    @tape.primitive
    def filled(*, value: float) -> Tensor:
        return torch.full((2,), value)

    assert filled(value=3.0).tolist() == [3.0, 3.0]


ones = torch.ones(3)


@pytest.mark.parametrize(
    ("other", "by", "asked"),
    [(2, 3.0, []), (None, None, []), (ones, 3.0, ["_is_plain"]), ((2, ones), ones, ["_is_plain"] * 4)],
)
def test_the_common_case_is_not_left_to_the_general_call(other: Any, by: Any, asked: list[str]) -> None:
    """It would give the same and take longer."""
    plainly = tape.primitive(lambda x, y, *, by: x * 2)
    plainly.defvjp(x=lambda g: g * 2)
    x = box(Tape(), ones)
    plainly(x, other, by=by)
    names: list[str] = []
    sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name) if event == "call" else None)
    try:
        plainly(x, other, by=by)
    finally:
        sys.setprofile(None)
    assert not {"_record", "_finish"} & set(names)
    assert [name for name in names if name == "_is_plain"] == asked
