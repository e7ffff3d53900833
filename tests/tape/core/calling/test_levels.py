"""Calls with values of several levels."""

from typing import Any

import pytest
import torch

import tape
from tape.core.calling import caller
from tape.core.registry import registry
from tape.core.running import standing_in
from tape.core.tape import Call, Step, Tape
from tape.core.traced import box

ones = torch.ones(3)


@pytest.mark.parametrize("other", [(), (2,)])
def test_an_outer_level_derives_by_the_primitives_own_rule_too(other: tuple[Any, ...]) -> None:
    doubled = tape.primitive(lambda x, y=1: x * 2)
    doubled.defvjp(x=lambda g: g * 5)
    joined = tape.primitive(lambda xs: xs[0] * 2)
    joined.defvjp(xs=lambda g, xs: [g * 5, *xs[1:]])
    for f in (lambda x: doubled(x, *other), lambda x: joined([x, *other])):
        assert tape.grad(lambda x, f=f: tape.value_and_grad(f)(x)[0])(torch.ones(())) == 5


def test_an_outer_values_recipe_does_not_stand_for_it_at_an_inner_level() -> None:
    def f(x: Any) -> Any:
        large = x.expand(4, 3)
        return tape.grad(lambda y: (y * large).sum())(torch.ones(4, 3)).square().sum()

    assert tape.grad(f)(ones).equal(8 * ones)


def test_an_outer_levels_recipe_does_not_stand_for_its_value_at_an_inner_level() -> None:
    def inner(x: Any) -> Any:
        repeated = x.repeat_interleave(3)
        return tape.grad(lambda z: (z * repeated).sum())(torch.ones(6)).sum()

    assert tape.grad(inner)(torch.ones(2)).tolist() == [3.0, 3.0]


def test_a_view_is_kept_as_it_is_and_a_copy_as_a_recipe() -> None:
    permute, reshape = (caller(registry[name][0]) for name in ("permute", "reshape"))
    x = box(Tape(), torch.ones(2, 3))
    assert permute(x, (1, 0)).recipe is None
    assert reshape(permute(x, (1, 0)), (6,)).recipe is not None


def test_a_value_that_something_stands_in_for_is_replaced() -> None:
    recorder, other = Tape(), Tape()
    x, y = box(recorder, torch.ones(2)), box(other, torch.zeros(2))
    with standing_in({recorder: lambda x: box(other, x.value * 3)}):
        results = [torch.sin(x), x + y, torch.cat([y, x]), torch.sum(x, dim=0)]
    assert [result.tape for result in results] == [other] * 4
    assert [tape.core.traced.raw(result).tolist() for result in results[1:]] == [[3, 3], [0, 0, 3, 3], 6]
    assert not recorder.steps
    assert (x + 1).tape is recorder


def test_a_value_of_an_outer_level_is_no_value_of_the_inner_tape() -> None:
    seen: list[Any] = []
    x = torch.ones(3)
    tape.grad(lambda x: (seen.append(tape.trace(lambda y: torch.mul(x, y))(torch.ones(3))), x.sum())[1])(x)
    assert "multiply(float32[3], %0)" in str(seen[0])


def test_an_outer_value_has_no_slot_on_the_inner_tape() -> None:
    slots: list[Any] = []

    def note(_: Tape, step: Step, call: Call) -> Step:
        slots.extend([step.inputs, call.slots])
        return step

    torch.mul(box(Tape(), ones), box(Tape(note), ones))
    assert slots == [[None, 0], [None, 0]]
