"""Each simplification keeps the results, and makes calls or bytes fewer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import tree
from tape.compiling.line import Line
from tape.compiling.noting import note
from tape.compiling.running import Program
from tape.compiling.simplifying import equal_once, in_place, simplified, without_copies, without_unread
from tests.tape.compiling.comparing import identical, pulled_back, random_programs

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def noted(f: Callable[..., Any], *args: Any) -> Line:
    return note(lambda leaves: f(*leaves), args)[0]


def results(line: Line, *args: Any) -> list[Tensor]:
    program = Program(line, "test")
    program.run(args)  # a second run finds what the first has left in memory
    return program.run(args)


@pytest.mark.parametrize("simplify", [without_unread, equal_once, without_copies, in_place, simplified])
@pytest.mark.parametrize("seed", range(6))
def test_results_stay_the_same_and_nothing_is_added(simplify: Callable[[Line], Line], seed: int) -> None:
    for program in random_programs(2, seed):
        inputs = list(program.inputs.values())
        f = pulled_back(lambda *xs, program=program: list(program(*xs)))
        if "index" in [step.op for step in program.steps]:  # may be a tensor of one whole number, which torch reads
            continue
        line = noted(f, *inputs)
        after = simplify(line)
        assert identical(results(after, *inputs), results(line, *inputs))
        saved = len(line.operations) - len(after.operations)
        assert saved >= 0
        # What is shared lives longer: fewer calls may need more memory, as many calls never do.
        assert saved or Program(after, "after").memory_bytes <= Program(line, "before").memory_bytes
        assert len(simplify(after).operations) == len(after.operations)


def test_what_nobody_reads_is_left_out_and_what_it_alone_needed() -> None:
    def f(x: Tensor) -> Tensor:
        torch.exp(x.sin()).sum()
        return x.cos()

    assert len(without_unread(noted(f, X)).operations) == 1


def test_a_change_of_a_tensor_that_is_closed_over_is_never_left_out() -> None:
    seen = torch.zeros(())

    def f(x: Tensor) -> Tensor:
        seen.add_(x.sum())
        return x + 1

    assert len(without_unread(noted(f, X)).operations) == 3


def test_a_change_of_a_view_without_numbers_is_left_out() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * 2
        y[:0] = 1
        y[1:] = 1
        return y.sin()

    line = without_unread(noted(f, X))
    assert [str(o.op).partition(".")[2] for o in line.operations].count("fill_.Tensor") == 1
    assert results(line, X)[0].equal(f(X))


def test_draws_are_never_left_out_nor_done_once() -> None:
    def f(x: Tensor) -> Tensor:
        torch.rand(3)
        return torch.rand(3) + torch.rand(3)

    assert len(simplified(noted(f, X)).operations) == 4


def test_equal_operations_are_done_once() -> None:
    line = equal_once(noted(lambda x: (x.sin() + 1, x.sin() + 1, x.sin() + 1.0), X))
    assert [str(o.op) for o in line.operations] == ["aten.sin.default", "aten.add.Tensor", "aten.add.Tensor"]


def test_operations_on_what_changes_between_them_are_not_equal() -> None:
    def f(x: Tensor) -> Tensor:
        y = x + 1
        before = y.sin()
        y.mul_(2)
        return before + y.sin()

    line = equal_once(noted(f, X))
    assert [str(o.op) for o in line.operations].count("aten.sin.default") == 2
    assert results(simplified(line), X)[0].equal(f(X))


def test_a_copy_that_nothing_needs_is_none() -> None:
    line = without_copies(noted(lambda x: (x * 2).clone().sin(), X))
    assert [str(o.op) for o in line.operations] == ["aten.mul.Tensor", "aten.sin.default"]


def test_padding_by_nothing_is_a_copy() -> None:
    line = without_copies(noted(lambda x: torch.nn.functional.pad(x * 2, (0, 0, 0, 0)).sin(), X))
    assert [str(o.op) for o in line.operations] == ["aten.mul.Tensor", "aten.sin.default"]


@pytest.mark.parametrize("changed", ["copy", "original"])
def test_a_copy_is_kept_where_it_or_the_original_changes(changed: str) -> None:
    def f(x: Tensor) -> tuple[Tensor, Tensor]:
        y = x * 2
        z = y.clone()
        (z if changed == "copy" else y).add_(1)
        return y, z

    line = without_copies(noted(f, X))
    assert len(line.operations) == 3
    assert identical(results(simplified(line), X), list(f(X)))


def test_a_copy_in_another_layout_or_dtype_is_kept() -> None:
    line = without_copies(noted(lambda x: (x * 2).t().contiguous().double(), X))
    assert len(line.operations) == 3


def test_an_elementwise_operation_works_in_the_memory_of_what_dies_with_it() -> None:
    line = in_place(noted(lambda x: (x * 2).sin().exp().add(1).sum(0), X))
    assert len({view.buffer for o in line.operations[:-1] for view in o.outputs if view is not None}) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (y := x * 2, y.sin()),  # needed afterwards
        lambda x: (x * 2).sum(0).expand(3, 4).sin(),  # it has another shape
        lambda x: (x * 2)[1:].sin(),  # a part
        lambda x: (y := x * 2).t() + y.t().contiguous().t().t(),
        lambda x: (x > 0) & (x < 0.5),
        lambda x: (x * 2 > 0).to(torch.uint8) + 1,
        lambda x: (y := x @ x.t()) + y.t(),  # both layouts of one
    ],
)
def test_memory_is_not_shared_where_a_number_would_be_read_after_it_was_written(f: Callable[[Tensor], Any]) -> None:
    wanted = [y for y in tree.leaves(f(X)) if isinstance(y, Tensor)]
    assert identical(results(in_place(noted(f, X)), X), list(dict.fromkeys(wanted)))


def test_a_training_step_becomes_shorter_and_smaller() -> None:
    def f(w: Any, x: Any) -> Any:
        return torch.softmax(torch.relu(x @ w) @ w.t(), -1).square().mean()

    line = noted(tape.value_and_grad(f), torch.rand(40, 40), torch.rand(50, 40))
    before, after = Program(line, "before"), Program(simplified(line), "after")
    assert after.steps < before.steps
    assert after.memory_bytes < before.memory_bytes
