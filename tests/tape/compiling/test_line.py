"""A program as data: what a view spans and reads, and how a program prints."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tape.compiling.line import Buffer, Given, Line, Operation, View, buffers_in, views_in
from tape.core.observing import Source

A = torch.ops.aten
BASE = torch.arange(60.0)
BOX = View(3, (3, 4, 5), (20, 5, 1), 0, torch.float32)


def operation(op: Any, *args: Any, outputs: tuple[View | None, ...] = (), **kwargs: Any) -> Operation:
    return Operation(op, args, kwargs, outputs, frozenset(), None)


def line(*operations: Operation, result: Any = None) -> Line:
    return Line({}, operations, result)


def test_a_view_reads_a_part_of_a_storage_from_a_byte_on() -> None:
    assert View(0, (2, 2), (6, 2), 1, torch.float32).of(BASE, 8).tolist() == [[3, 5], [9, 11]]
    memory = BASE.double().view(torch.uint8)
    assert View(0, (2,), (3,), 1, torch.float64).of(memory, 16).tolist() == [3, 6]
    assert View(0, (2,), (3,), 1, torch.float64).of(memory).tolist() == [1, 4]
    assert View(0, (2,), (3,), 1, torch.float32).of(BASE.reshape(6, 10).t()[1:]).tolist() == [1, 4]


def test_a_view_is_on_the_device_of_its_storage() -> None:
    assert BOX.of(torch.empty(60, device="meta")).is_meta


@pytest.mark.parametrize(("conj", "neg"), [(False, False), (True, False), (False, True), (True, True)])
def test_a_view_conjugates_and_negates_as_it_is_marked(conj: bool, neg: bool) -> None:
    x = torch.tensor([1 + 2j, 3 - 4j])
    view = View(0, (2,), (1,), 0, x.dtype, conj, neg)
    read = view.of(x)
    assert (read.is_conj(), read.is_neg()) == (conj, neg)
    wanted = x.conj() if conj else x
    assert torch.equal(read.resolve_conj().resolve_neg(), -wanted if neg else wanted)
    assert view.is_plain(x.dtype) == (not conj and not neg)
    assert not view.is_plain(torch.float32)


@pytest.mark.parametrize("dim", range(3))
def test_a_view_narrows_as_a_tensor_does(dim: int) -> None:
    once = BOX.narrow(dim, 1, 2)
    assert torch.equal(once.of(BASE), BOX.of(BASE).narrow(dim, 1, 2))
    assert torch.equal(once.narrow(dim, 1, 1).of(BASE), BOX.of(BASE).narrow(dim, 2, 1))
    assert torch.equal(BOX.narrow(dim, 2, 1).of(BASE), BOX.of(BASE).narrow(dim, 2, 1))


@pytest.mark.parametrize(
    ("shape", "stride", "count"),
    [((), (), 1), ((1,), (9,), 1), ((2, 3), (5, 1), 8), ((2, 3), (1, 5), 12), ((3, 0), (1, 1), 0)],
)
def test_a_view_spans_the_bytes_from_its_first_number_to_its_last(
    shape: tuple[int, ...], stride: tuple[int, ...], count: int
) -> None:
    assert View(0, shape, stride, 7, torch.float64).bytes == 8 * count


def test_what_is_neither_given_nor_closed_over_is_made() -> None:
    cpu = torch.device("cpu")
    assert Buffer(4, cpu).made is True
    assert Buffer(4, cpu, argument=0).made is False
    assert Buffer(4, cpu, tensor=torch.ones(1)).made is False


def test_views_are_found_at_all_leaves() -> None:
    other = View(8, (), (), 0, torch.bool)
    assert list(views_in([1, (BOX, {"a": other}), "b"])) == [BOX, other]
    assert list(buffers_in([1, (BOX, {"a": other}), "b"])) == [3, 8]


@pytest.mark.parametrize(
    ("op", "random"), [(A.rand.default, True), (A.bernoulli.default, True), (A.sin.default, False)]
)
def test_draws_are_random(op: Any, random: bool) -> None:
    assert operation(op).random is random


def test_an_operation_makes_what_was_not_there() -> None:
    one, two = View(1, (), (), 0, torch.float32), View(2, (), (), 0, torch.float32)
    assert operation(A.add.Tensor, one, outputs=(one, None, two)).made == (two,)
    assert Operation(A.add.Tensor, (), {}, (one, two), frozenset({2}), None).made == (one,)
    assert operation(A.add.Tensor, out=two, outputs=(one, two)).made == (one,)


def test_an_operation_prints_its_arguments_as_they_are_written() -> None:
    one, two = View(1, (2,), (1,), 0, torch.float32), View(2, (), (), 0, torch.int64)
    given = operation(
        A.max.dim,
        BOX,
        [3, (BOX, "sum")],
        Given(4),
        torch.bool,
        torch.device("cpu"),
        outputs=(one, two),
        at=0.5,
        of={"a": BOX},
    )
    shown = (
        "aten.max.dim(%3 float32[3, 4, 5], [3, [%3 float32[3, 4, 5], 'sum']], argument 4, torch.bool, cpu, at=0.5, "
        "of={'a': %3 float32[3, 4, 5]})"
    )
    assert str(given) == f"%1 float32[2], %2 int64[] = {shown}"
    assert given.listing({2: 64}) == f"%1 float32[2], %2 int64[] at 64 = {shown}"
    assert str(operation(A.fill_.Scalar, BOX, 0)) == "changes aten.fill_.Scalar(%3 float32[3, 4, 5], 0)"


def test_a_program_prints_its_operations_and_what_it_returns() -> None:
    made = View(1, (), (), 0, torch.float32)
    program = line(operation(A.sin.default, BOX, outputs=(made,)), result={"a": made, "b": [made, None]})
    text = "%1 float32[]{} = aten.sin.default(%3 float32[3, 4, 5])\n"
    text += "returns {{'a': %1 float32[], 'b': [%1 float32[], None]}}"
    assert str(program) == text.format("")
    assert program.listing({1: 0}) == text.format(" at 0")
    assert str(line()) == "returns None"


@pytest.mark.parametrize("widest", [60, 80])
def test_sources_stand_below_each_other_unless_an_operation_is_long(widest: int) -> None:
    def long(length: int) -> Operation:
        operation = Operation(A.sin.default, (), {}, (), frozenset(), Source("no such file", 7))
        return Operation(
            A.sin.default, ("x" * (length - len(str(operation)) - 2),), {}, (), frozenset(), operation.source
        )

    rows = str(line(long(50), long(widest), long(81), long(99))).splitlines()
    assert [row.index("no such file:7") for row in rows[:-1]] == [widest + 2, widest + 2, 83, 101]
    assert not any(row.endswith(" ") for row in rows)


def test_only_a_program_that_has_sources_prints_them() -> None:
    assert str(line(operation(A.sin.default))).splitlines()[0] == "changes aten.sin.default()"


def test_a_number_of_a_closed_over_tensor_is_read_as_another_dtype() -> None:
    x: Tensor = torch.tensor([1.0, 2.0])
    assert View(0, (2,), (1,), 0, torch.int32).of(x).equal(x.view(torch.int32))
