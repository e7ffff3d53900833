"""Observers see each step before it is recorded, and only where they were asked for."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tape
from tape.core.observing import Source, follow, here, observed
from tape.core.tape import Step, Tape, observers


class Looking:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, _: Tape, step: Step, call: Any) -> Step:
        self.seen.append(step.primitive.name)
        return step


def test_each_step_is_shown_in_order_and_outer_levels_first() -> None:
    looking = Looking()
    with observed(looking):
        tape.grad(lambda x: torch.sin(x).reshape(1).sum())(torch.tensor(1.0))
    assert looking.seen == ["sin", "reshape", "sum"]
    looking.seen.clear()
    with observed(looking):
        tape.grad(tape.grad(torch.sin))(torch.tensor(1.0))
    assert looking.seen == ["sin", "sin", "cos", "multiply"]


def test_nothing_is_shown_outside() -> None:
    looking = Looking()
    with pytest.raises(ZeroDivisionError), observed(looking):
        raise ZeroDivisionError
    tape.grad(torch.sin)(torch.tensor(1.0))
    assert looking.seen == []
    assert observers.get() == ()


def test_an_observer_may_record_another_step() -> None:
    def doubled(_: Tape, step: Step, call: Any) -> Step:
        parts = tuple((position, lambda *given: 2 * rule(*given), asked) for position, rule, asked in step.plan.parts)  # noqa: B023
        return step._replace(plan=step.plan._replace(parts=parts))

    with observed(doubled):
        assert tape.grad(lambda x: 3 * x)(torch.tensor(1.0)) == 6


def test_what_a_call_did_can_be_done_again() -> None:
    calls: list[Any] = []

    def note(_: Tape, step: Step, call: Any) -> Step:
        calls.append(call)
        return step

    with observed(note):
        tape.vjp(lambda x, y: torch.cat([x, y]).sum(0, keepdim=True), torch.ones(2), torch.ones(3))
    cat, total = calls
    assert cat.names == ("tensors", "dim")
    assert torch.equal(cat.run(*cat.args, **cat.options), cat.ans)
    assert torch.equal(total.run(*total.args, **total.options), torch.tensor([5.0]))


@given(st.integers(2, 5))
def test_derivatives_do_not_depend_on_who_looks_on(size: int) -> None:
    def f(x: Any) -> Any:
        return (torch.softmax(x, 0) * torch.sort(x).values.reshape(1, -1).expand(3, -1)).square().sum()

    x = torch.linspace(-1, 2, size).flip(0)
    gradient, hessian = tape.grad(f)(x), tape.grad(lambda x: tape.grad(f)(x).square().sum())(x)
    with observed(follow), observed(Looking()):
        assert torch.equal(tape.grad(f)(x), gradient)
        assert torch.equal(tape.grad(lambda x: tape.grad(f)(x).square().sum())(x), hessian)


def test_a_line_is_the_innermost_one_outside_the_project(from_source: Callable[[str], Callable[..., Any]]) -> None:
    f = from_source("""
        def g(x):
            return torch.softmax(x, 0)

        def f(x):
            return tape.tree.map(g, [x])
    """)
    program = tape.trace(f)(torch.ones(3))
    assert {step.source for step in program.steps} == {"model.py:2  return torch.softmax(x, 0)"}


def test_a_source_without_a_text_and_one_below_the_working_folder() -> None:
    assert str(Source("nowhere.py", 3)) == "nowhere.py:3"
    source = here()
    assert source is not None
    assert str(source).startswith(("tests/tape/core/test_observing.py:", "/"))
    assert str(source).endswith("source = here()")


def test_an_ended_tape_records_nothing_more() -> None:
    kept = []
    with observed(Looking()):
        tape.grad(lambda x: (kept.append(x), x.sin())[1])(torch.tensor(1.0))
    with pytest.raises(tape.TapeError, match="has ended"):
        kept[0].sin()
