"""A whole function as one step of the tape."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape.core.one_step import one_step
from tape.core.tape import Call, Step, Tape
from tape.transforms.gradients import record


def doubled(*leaves: Any) -> Any:
    """Twice the sum of the floating-point leaves."""

    def forward(values: list[Any]) -> tuple[Any, Any]:
        assert type(values) is list
        return sum(values) * 2, len(values)

    def backward(count: int, g: list[Any]) -> list[Any]:
        assert count == len(leaves)
        assert type(g) is list
        return [g[0] * 2] * count

    return one_step("doubled", leaves, forward, backward)


def observed(f: Any, *args: Any) -> list[tuple[Step, Call]]:
    seen: list[tuple[Step, Call]] = []

    def observer(_: Tape, step: Step, call: Call) -> Step:
        seen.append((step, call))
        return step

    record(f, args, observer)
    return seen


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([1.0, 2.0], dtype=torch.float64)


def test_of_plain_tensors_it_is_the_functions_output(x: Tensor) -> None:
    assert doubled(x, x).equal(4 * x)


def test_where_gradients_are_off_nothing_is_recorded(x: Tensor) -> None:
    def f(x: Any) -> Any:
        with torch.no_grad():
            return doubled(x, x)

    assert tape.trace(lambda x: (f(x), x)[1])(x).steps == ()


def test_it_is_one_step_of_the_slots_of_its_level(x: Tensor) -> None:
    (step, call), *others = observed(lambda a, b: doubled(b, x, a), x, x + 1)
    assert others == []
    assert step.primitive.name == step.primitive.label(0) == "doubled"
    assert step.inputs == [[1, 0]]
    assert step.output == (2,)
    assert step.residuals == (3,)
    assert call.names == ("argument 0", "argument 1", "argument 2")
    assert call.slots == [1, None, 0]
    assert [a.tolist() for a in call.args] == [[2, 3], [1, 2], [1, 2]]
    assert [y.tolist() for y in call.ans] == [[8, 14]]
    assert call.options == {}


def test_an_observer_can_run_it_again_on_other_tensors(x: Tensor) -> None:
    ((_, call),) = observed(doubled, x)
    out = call.run(x + 1)
    assert type(out) is tuple
    assert [y.tolist() for y in out] == [[4, 6]]


def test_what_it_observed_is_an_output_without_boxes(x: Tensor) -> None:
    ((_, call),) = observed(doubled, x)
    assert type(call.args) is tuple
    assert type(call.ans) is tuple
    assert [type(y) for y in call.ans] == [Tensor]


def test_outputs_that_are_no_floating_point_tensors_are_returned_as_they_are(x: Tensor) -> None:
    def forward(values: list[Any]) -> tuple[Any, Any]:
        return {"index": torch.tensor(1), "name": "n", "y": values[0] * 3}, None

    def f(x: Any) -> Any:
        out = one_step("f", [x], forward, lambda _, g: [g[0] * 3])
        assert type(out["index"]) is Tensor
        assert out["name"] == "n"
        return out["y"].sum()

    assert tape.grad(f)(x).tolist() == [3, 3]
    ((step, _), _) = observed(f, x)
    assert step.output == (1,)


def test_an_output_of_an_outer_level_is_a_constant_of_an_inner_one(x: Tensor) -> None:
    """Each level records it, and the derivatives of both are right."""
    cube = lambda a: doubled(a) * a * a / 2
    assert tape.grad(lambda x: tape.grad(lambda x: cube(x).sum())(x).sum())(x).tolist() == [6, 12]


@pytest.mark.parametrize("inner", [False, True])
def test_a_value_of_its_level_that_it_closes_over_is_refused(inner: bool, x: Tensor) -> None:
    def of(w: Any, v: Any) -> Any:
        def forward(values: list[Any]) -> tuple[Any, Any]:
            return (tape.grad(lambda y: (y * w).sum())(values[0]) if inner else values[0] * w), None

        return one_step("leaky", [v], forward, lambda _, g: [g[0]]).sum()

    with pytest.raises(tape.TapeError, match="leaky uses a traced value that is not among its arguments"):
        tape.grad(lambda w: of(w, w * 2))(x)


def test_a_value_of_its_level_that_it_returns_is_refused(x: Tensor) -> None:
    def f(w: Any) -> Any:
        return one_step("leaky", [w * 2], lambda values: ([w], None), lambda _, g: [g[0]])[0].sum()

    with pytest.raises(tape.TapeError, match="leaky uses a traced value that is not among its arguments"):
        tape.grad(f)(x)


def test_a_value_of_an_outer_level_that_it_closes_over_is_recorded_there(x: Tensor) -> None:
    def outer(w: Any) -> Any:
        forward = lambda values: (values[0] * w, w)
        return tape.grad(lambda v: one_step("weighed", [v], forward, lambda w, g: [g[0] * w]).sum())(x).sum()

    assert tape.grad(outer)(x).tolist() == [1, 1]


def test_values_that_it_made_itself_are_its_own(x: Tensor) -> None:
    def forward(values: list[Any]) -> tuple[Any, Any]:
        return tape.grad(lambda y: (y.sin() * y).sum())(values[0]), None

    assert tape.grad(lambda x: one_step("f", [x], forward, lambda _, g: [g[0]]).sum())(x).tolist() == [1, 1]


def test_a_residual_that_was_changed_in_place_is_noticed(x: Tensor) -> None:
    kept = x * 1

    def f(x: Any) -> Any:
        y = one_step("f", [x], lambda values: (values[0] * 2, kept), lambda kept, g: [g[0] * kept])
        kept.add_(1)
        return y.sum()

    with pytest.raises(tape.TapeError, match=r"the derivative of f needs was changed in place"):
        tape.grad(f)(x)
