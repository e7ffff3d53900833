"""A call that is written out for a primitive does what the call of any case does."""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from torch import Tensor

import tape
from tape.calling import _record, caller
from tape.primitive import Primitive
from tape.recording import Tape
from tape.registry import registry
from tape.verify.drawing import Call, calls


def boxed(call: Call) -> tuple[Tape, Any, Any]:
    """The call's arguments with every tensor that may be recorded on one tape."""
    recorder = Tape()

    def box(x: Any) -> Any:
        return recorder.trace(x) if isinstance(x, Tensor) and x.is_floating_point() else x

    return recorder, tape.tree.map(box, call.args), call.kwargs


def described(recorder: Tape, result: Any) -> Any:
    """All that was recorded and came out, as plain data."""

    def plain(x: Any) -> Any:
        x = x.make() if isinstance(x, tape.recording.Recipe) else tape.traced.raw(x)
        return x.tolist() if isinstance(x, Tensor) else x

    steps = [
        (step.primitive.name, step.inputs, step.output, tape.tree.map(plain, step.residuals), step.version)
        for step in recorder.steps
    ]
    return str((steps, recorder.likes, tape.tree.map(plain, result)))


@pytest.mark.parametrize("name", sorted(registry))
def test_it_records_what_the_general_call_records(name: str) -> None:
    primitive, domain = registry[name]

    @settings(
        max_examples=10,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(calls(domain))
    def compare(call: Call) -> None:
        recorder, args, kwargs = boxed(call)
        written_out = described(recorder, primitive(*args, **kwargs))
        recorder, args, kwargs = boxed(call)
        bound = primitive.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        positional = tuple(bound.arguments[name] for name in primitive.positional)
        static = {name: bound.arguments[name] for name in primitive.static}
        assert written_out == described(recorder, _record(primitive, positional, static))

    compare()


def test_it_has_the_primitives_parameters_and_defaults() -> None:
    def scaled(x: Tensor, factor: float = 2.0, *, by: float = 3.0) -> Tensor:
        return x * factor * by

    call = caller(Primitive(scaled))
    assert call.__name__ == "scaled"
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
