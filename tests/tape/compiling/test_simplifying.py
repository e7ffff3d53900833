"""Each simplification keeps the results, and makes calls or bytes fewer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import tree
from tape.compiling.line import Line, buffers_in
from tape.compiling.noting import note
from tape.compiling.running import Program
from tape.compiling.simplifying import equal_once, in_place, simplified, without_copies, without_unread
from tests.tape.compiling.comparing import identical, notable_programs, pulled_back

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def noted(f: Callable[..., Any], *args: Any) -> Line:
    return note(lambda leaves: f(*leaves), args)[0]


def counted(line: Line, name: str) -> int:
    return [str(operation.op).split(".")[1] for operation in line.operations].count(name)


def results(line: Line, *args: Any) -> list[Tensor]:
    program = Program(line, "test")
    program.run(args)  # a second run finds what the first has left in memory
    return program.run(args)


def assert_sound(line: Line) -> None:
    """Plain data, and nothing is read before it was made."""
    assert type(line.operations) is tuple
    there = {number for number, buffer in line.buffers.items() if not buffer.made}
    for operation in line.operations:
        assert {*buffers_in((operation.args, operation.kwargs))} <= there
        there |= {view.buffer for view in operation.made}
    assert {*buffers_in(line.result)} <= there


@pytest.mark.parametrize("simplify", [without_unread, equal_once, without_copies, in_place, simplified])
@pytest.mark.parametrize("seed", range(6))
def test_results_stay_the_same_and_nothing_is_added(simplify: Callable[[Line], Line], seed: int) -> None:
    for program in notable_programs(2, seed):
        inputs = list(program.inputs.values())
        f = pulled_back(lambda *xs, program=program: list(program(*xs)))
        line = noted(f, *inputs)
        after = simplify(line)
        assert_sound(after)
        assert identical(results(after, *inputs), results(line, *inputs))
        assert isinstance(after.operations, tuple)
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


def test_a_change_of_a_list_of_tensors_is_kept() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * 2
        torch._foreach_add_([y[:0], y], 1.0)
        return y

    assert results(without_unread(noted(f, X)), X)[0].equal(f(X))


def test_draws_are_never_left_out_nor_done_once() -> None:
    def f(x: Tensor) -> Tensor:
        torch.rand(3)
        return torch.rand(3) + torch.rand(3)

    assert len(simplified(noted(f, X)).operations) == 4


def test_equal_operations_are_done_once() -> None:
    line = equal_once(noted(lambda x: (x.sin() + 1, x.sin() + 1, x.sin() + 1.0), X))
    assert [str(o.op) for o in line.operations] == ["aten.sin.default", "aten.add.Tensor", "aten.add.Tensor"]


def test_both_results_of_equal_operations_are_what_the_first_has_made() -> None:
    line = equal_once(noted(lambda x: (x.sin(), x.sin()), X))
    assert line.result == [*line.operations[0].outputs] * 2 or line.result == (*line.operations[0].outputs,) * 2


def test_equal_operations_are_done_once_beside_a_change_of_something_else() -> None:
    def f(x: Tensor) -> Tensor:
        y = (x * 2).add_(1)
        return y + x.sin() + x.sin()

    assert counted(equal_once(noted(f, X)), "sin") == 1


@pytest.mark.parametrize(
    ("f", "count"),
    [
        (lambda x: (x * 0.0, x * -0.0), 2),
        (lambda x: (x * float("nan"), x * float("nan")), 1),
        (lambda x: ((x > 0) * True, (x > 0) * 1), 2),
    ],
    ids=["signed zeros", "nan", "truth values"],
)
def test_numbers_are_equal_if_their_bits_and_types_are(f: Callable[[Tensor], Any], count: int) -> None:
    assert counted(equal_once(noted(f, X)), "mul") == count


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
    assert_sound(line)
    assert [str(o.op) for o in line.operations] == ["aten.mul.Tensor", "aten.sin.default"]


def test_padding_by_nothing_is_a_copy() -> None:
    line = without_copies(noted(lambda x: torch.nn.functional.pad(x * 2, (0, 0, 0, 0)).sin(), X))
    assert [str(o.op) for o in line.operations] == ["aten.mul.Tensor", "aten.sin.default"]


def test_padding_that_moves_numbers_is_no_copy() -> None:
    line = without_copies(noted(lambda x: torch.nn.functional.pad(x * 2, (0, 0, 1, -1)), X))
    assert counted(line, "constant_pad_nd") == 1


def test_a_part_of_a_copy_of_a_part_is_read_where_it_lies() -> None:
    f = lambda x: (x * 2)[1:].clone()[1:].sin()
    line = without_copies(noted(f, X))
    assert counted(line, "clone") == 0
    assert results(line, X)[0].equal(f(X))


def test_a_copy_is_none_beside_a_change_of_something_else() -> None:
    line = without_copies(noted(lambda x: (x * 2).clone() + x.sin().add_(1), X))
    assert counted(line, "clone") == 0


def test_a_copy_of_what_is_closed_over_is_kept_as_anybody_may_change_it_meanwhile() -> None:
    weight = torch.ones(4)
    assert counted(without_copies(noted(lambda x: x + weight.clone(), X)), "clone") == 1


def test_a_copy_that_is_changed_may_lie_where_the_original_died() -> None:
    f = lambda x: (x * 2).clone().add_(1)
    line = simplified(simplified(noted(f, X)))
    assert results(line, X)[0].equal(f(X))


def test_a_result_that_is_a_copy_is_what_it_is_a_copy_of() -> None:
    line = without_copies(noted(lambda x: (x * 2).clone(), X))
    assert len(line.operations) == 1
    assert_sound(line)


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
        lambda x: x.reshape(4, 3) + (x * 2).t(),  # another layout
        lambda x: torch.frexp(x * 2),
    ],
)
def test_memory_is_not_shared_where_a_number_would_be_read_after_it_was_written(f: Callable[[Tensor], Any]) -> None:
    wanted = [y for y in tree.leaves(f(X)) if isinstance(y, Tensor)]
    assert identical(results(in_place(noted(f, X)), X), list(dict.fromkeys(wanted)))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sin(),  # it is the caller's
        lambda x: (x * 2)[:2].sin(),  # of a part, for which the whole would live on
        lambda x: (x @ x.t()) @ torch.ones(3, 3),  # no elementwise operation
    ],
    ids=["argument", "part", "product"],
)
def test_what_does_not_work_in_memory_that_is_there(f: Callable[[Tensor], Any]) -> None:
    assert not any(operation.written for operation in in_place(noted(f, X)).operations)


@pytest.mark.parametrize("change", [lambda x, y: y.add_(1), lambda x, y: torch.exp(x, out=y)], ids=["self", "out"])
def test_a_later_change_is_of_the_memory_in_which_the_operation_worked(change: Callable[..., Any]) -> None:
    def f(x: Tensor) -> Tensor:
        y = (x * 2).sin()
        change(x, y)
        return y

    line = in_place(noted(f, X))
    (buffer,) = {view.buffer for operation in line.operations for view in operation.outputs if view is not None}
    assert [operation.written for operation in line.operations[1:]] == [{buffer}] * 2
    assert results(line, X)[0].equal(f(X))


def test_an_output_that_is_no_tensor_stays_none() -> None:
    line = noted(lambda x: x.cumsum(0), X)
    (operation,) = line.operations
    line = replace(line, operations=(replace(operation, outputs=(*operation.outputs, None)),))
    for simplify in (without_unread, equal_once, without_copies, in_place):
        assert simplify(line).operations[0].outputs == line.operations[0].outputs


def test_a_training_step_becomes_shorter_and_smaller() -> None:
    def f(w: Any, x: Any) -> Any:
        return torch.softmax(torch.relu(x @ w) @ w.t(), -1).square().mean()

    line = noted(tape.value_and_grad(f), torch.rand(40, 40), torch.rand(50, 40))
    before, after = Program(line, "before"), Program(simplified(line), "after")
    assert after.steps < before.steps
    assert after.memory_bytes < before.memory_bytes
