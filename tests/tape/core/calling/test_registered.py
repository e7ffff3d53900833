"""A call that is written out for a registered primitive records what the general call records."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from torch import Tensor

import tape
from tape.core.registry import registry
from tape.core.tape import Tape
from tape.core.traced import box
from tape.verify.drawing import Call, calls
from tests.tape.core.calling.recorded import recorded, recorded_in_general


def boxed(call: Call) -> tuple[Tape, Any, Any]:
    """The call's arguments with every tensor that may be recorded on one tape."""
    recorder = Tape()

    def recorded_leaf(x: Any) -> Any:
        return box(recorder, x) if isinstance(x, Tensor) and x.is_floating_point() else x

    return recorder, tape.tree.map(recorded_leaf, call.args), call.kwargs


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
        written_out = recorded(primitive, [recorder], args, kwargs)
        recorder, args, kwargs = boxed(call)
        assert written_out == recorded_in_general(primitive, [recorder], args, kwargs)

    compare()
