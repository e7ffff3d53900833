"""The tape itself: levels, observers, and steps in their order."""

from typing import Any

import torch

import tape
from tape.core.tape import Call, Like, Plan, Recipe, Step, Tape, observers

PLAN = Plan((), lambda places: places, (), remade=False)
CALL = Call(torch.sin, (), (), [], {}, None)


def step(name: str) -> Step:
    return Step(name, PLAN, [], 0, (), 0)


def test_a_tape_that_is_observed_records_what_its_observers_give_back_one_after_the_other() -> None:
    seen: list[tuple[str, str]] = []

    def observer(name: str) -> Any:
        def look(of: Tape, step: Step, call: Call) -> Step:
            assert of is recorded
            assert call is CALL
            seen.append((name, step.primitive))
            return step._replace(primitive=step.primitive + name)

        return look

    token = observers.set((observer("a"),))
    try:
        recorded = Tape(observer("b"))
    finally:
        observers.reset(token)
    recorded.add(step("s"), CALL)
    assert seen == [("a", "s"), ("b", "sa")]
    assert [step.primitive for step in recorded.steps] == ["sab"]


def test_a_call_may_record_its_step_itself_while_nobody_looks_on_and_the_tape_runs() -> None:
    alone, watched = Tape(), Tape(lambda tape, step, call: step)
    assert alone.direct is True
    assert watched.direct is False
    assert alone.ended is False
    alone.ended = True
    assert alone.ended is True
    assert alone.direct is False
    alone.ended = False
    assert alone.direct is True


def test_recipes_are_kept_unless_a_tape_says_not() -> None:
    assert Tape().remakes is True
    assert Tape(remakes=False).remakes is False


def test_a_tape_begins_empty() -> None:
    assert (Tape().steps, Tape().likes) == ([], [])


def test_a_recipe_makes_its_arguments_that_are_recipes_first() -> None:
    calls: list[str] = []

    def cook(*parts: str, salt: int) -> str:
        calls.append(" ".join(parts))
        return f"({' '.join(parts)})" * salt

    like = Like(torch.Size(()), torch.float32, torch.device("cpu"))
    inner = Recipe(cook, ("egg",), {"salt": 2}, like, 1)
    assert Recipe(cook, (inner, "milk"), {"salt": 1}, like, 2).make() == "((egg)(egg) milk)"
    assert calls == ["egg", "(egg)(egg) milk"]


def test_a_step_is_recorded_once_in_the_order_of_the_calls() -> None:
    program = tape.trace(lambda x: torch.cos(torch.sin(x)))(torch.ones(2))
    assert [step.op for step in program.steps] == ["sin", "cos"]
