"""That what is given fits the values that it belongs to."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape.core.matching import Expected, described, is_float, zeros
from tape.core.tape import Like, Tape
from tape.core.traced import box

VALUES = {"a": torch.ones(2, dtype=torch.float64), "n": torch.tensor(1), "b": [torch.ones(3), "name"]}


def expected(values: Any = VALUES, **named: Any) -> Expected:
    return Expected(values, "the cotangent", "output", **named)


def refusal(given: Any, due: Expected) -> str:
    with pytest.raises(tape.TapeError) as caught:
        due.match(given)
    return str(caught.value)


def fitting(**other: Any) -> dict[str, Any]:
    return {"a": torch.ones(2, dtype=torch.float64), "n": None, "b": [torch.ones(3), None]} | other


def test_what_fits_is_given_back_leaf_by_leaf() -> None:
    a, b = torch.rand(2, dtype=torch.float64), torch.rand(3)
    matched = expected().match(fitting(a=a, b=[b, None]))
    assert type(matched) is list
    assert matched[1] is None
    assert matched[3] is None
    assert matched[0].equal(a)
    assert matched[2].equal(b)


def test_what_fits_has_no_graph_of_torchs_own() -> None:
    given = torch.ones(2, requires_grad=True)
    (matched,) = Expected(torch.ones(2), "the tangent", "primal").match(given)
    assert not matched.requires_grad
    assert matched.data_ptr() == given.data_ptr()


def test_a_traced_value_stays_traced() -> None:
    given = box(Tape(), torch.ones(2))
    assert Expected(torch.ones(2), "the tangent", "primal").match(given)[0] is given


def test_of_a_traced_value_its_tensor_counts() -> None:
    assert Expected(box(Tape(), torch.ones(2)), "the tangent", "primal").match(torch.zeros(2))[0].equal(torch.zeros(2))
    traced = box(Tape(), torch.ones(3))
    message = "the tangent has shape (3,) and torch.float32 on cpu; the primal has shape (2,) and torch.float32 on cpu"
    assert refusal(traced, Expected(torch.ones(2), "the tangent", "primal")) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            fitting(a=torch.ones(2)),
            "the cotangent of output a has shape (2,) and torch.float32 on cpu; "
            "the output has shape (2,) and torch.float64 on cpu",
        ),
        (
            fitting(b=[torch.ones(3, 1), None]),
            "the cotangent of output b.0 has shape (3, 1) and torch.float32 on cpu; "
            "the output has shape (3,) and torch.float32 on cpu",
        ),
        (
            fitting(b=[torch.ones(3, device="meta"), None]),
            "the cotangent of output b.0 has shape (3,) and torch.float32 on meta; "
            "the output has shape (3,) and torch.float32 on cpu",
        ),
        (
            fitting(b=[torch.ones(3).to_sparse(), None]),
            "the cotangent of output b.0 has shape (3,) and torch.float32 on cpu, torch.sparse_coo; "
            "the output has shape (3,) and torch.float32 on cpu",
        ),
        (fitting(a=None), "the cotangent of output a is None; it must be a tensor of shape (2,)"),
        (fitting(a=1.5), "the cotangent of output a is 1.5; it must be a tensor of shape (2,)"),
        (fitting(a=2), "the cotangent of output a is 2; it must be a tensor of shape (2,)"),
        (fitting(a="one"), "the cotangent of output a is a str; it must be a tensor of shape (2,)"),
        (
            fitting(n=torch.ones(())),
            "the cotangent of output n is a tensor of shape (); the output is no floating-point tensor, so it must "
            "be None",
        ),
        (
            fitting(b=[torch.ones(3), 0]),
            "the cotangent of output b.1 is 0; the output is no floating-point tensor, so it must be None",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(given: Any, message: str) -> None:
    assert refusal(given, expected()) == message


@pytest.mark.parametrize(
    ("given", "difference"),
    [
        ({"a": 0, "b": [1]}, "lacks b.1, n"),
        ({"a": 0, "n": 0, "b": [1, 2], "c": 3}, "has c besides"),
        ({"a": 0, "d": 0, "b": [1, 2], "c": 3}, "lacks n and has d, c besides"),
        (1.0, "lacks a, b.0, b.1, n"),
    ],
)
def test_another_structure_is_refused_by_what_it_lacks_and_has_besides(given: Any, difference: str) -> None:
    due = expected({"a": torch.ones(1), "b": [torch.ones(1), torch.ones(1)], "n": torch.ones(1)})
    assert refusal(given, due) == f"the cotangent has another structure than the output: it {difference}"


def test_a_single_value_has_no_path() -> None:
    due = Expected(torch.ones(2), "the cotangent", "output")
    assert refusal(None, due) == "the cotangent is None; it must be a tensor of shape (2,)"
    assert refusal([1], due) == "the cotangent is a list; it must be a tensor of shape (2,)"


def test_one_value_where_several_are_due() -> None:
    due = Expected([torch.ones(2), torch.ones(2)], "the cotangent", "output")
    assert refusal(torch.ones(2), due) == "the cotangent has another structure than the output: it lacks 0, 1"


def test_structures_that_differ_in_kind_alone_are_printed() -> None:
    due = Expected([torch.ones(2)], "the cotangent", "output")
    given = tape.tree.flatten((torch.ones(2),))[1]
    assert refusal((torch.ones(2),), due) == (
        f"the cotangent has another structure than the output: it is {given} where the output is {due.treedef}"
    )


def test_leaves_can_be_named_otherwise() -> None:
    due = expected(named=lambda path: f"argument 'p' at {path}" if path else "argument 'p'")
    assert refusal(fitting(a=None), due).startswith("the cotangent of argument 'p' at a is None")
    assert refusal(1.0, due).startswith("the cotangent of argument 'p' has another structure")


def test_what_is_missing_is_completed_by_zeros_and_what_is_not_due_is_dropped() -> None:
    given = torch.ones(3)
    completed = expected().complete({"a": None, "n": torch.ones(()), "b": [given, "x"]})
    assert completed[0].equal(torch.zeros(2, dtype=torch.float64))
    assert completed[0].dtype is torch.float64
    assert completed[2].equal(given)
    assert (completed[1], completed[3]) == (None, None)


def test_nothing_at_all_is_completed_by_zeros() -> None:
    completed = expected().complete(None)
    assert [x if x is None else x.tolist() for x in completed] == [[0, 0], None, [0, 0, 0], None]


def test_what_is_completed_is_checked() -> None:
    with pytest.raises(tape.TapeError, match="the cotangent of output a has shape"):
        expected().complete(fitting(a=torch.ones(5)))
    with pytest.raises(tape.TapeError, match="it has c besides"):
        Expected({"a": torch.ones(2)}, "the cotangent", "output").complete({"a": torch.ones(2), "c": 1})


def test_zeros_are_like_what_they_are_for() -> None:
    made = zeros(Like(torch.Size((2, 3)), torch.float16, torch.device("meta")))
    assert (made.shape, made.dtype, made.device.type) == ((2, 3), torch.float16, "meta")
    assert zeros(Like(torch.Size((2,)), torch.float64, torch.device("cpu"))).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.ones(2, 3), "a tensor of shape (2, 3)"),
        (box(Tape(), torch.ones(2)), "a tensor of shape (2,)"),
        (None, "None"),
        (3, "3"),
        (0.5, "0.5"),
        (True, "True"),
        ("text", "a str"),
        ([1], "a list"),
    ],
)
def test_what_is_there_is_described(x: Any, words: str) -> None:
    assert described(x) == words


@pytest.mark.parametrize(
    ("x", "is_one"),
    [
        (torch.ones(2, dtype=torch.float16), True),
        (box(Tape(), torch.ones(2)), True),
        (torch.ones(2, dtype=torch.int64), False),
        (torch.ones(2, dtype=torch.complex64), False),
        (box(Tape(), torch.ones(2, dtype=torch.bool)), False),
        (1.0, False),
    ],
)
def test_floating_point_tensors(x: Any, is_one: bool) -> None:
    assert is_float(x) is is_one


def test_a_numpy_array_is_no_tensor() -> None:
    due = Expected(torch.ones(2), "the cotangent", "output")
    assert refusal(Tensor.numpy(torch.ones(2)), due) == (
        "the cotangent is a ndarray; it must be a tensor of shape (2,)"
    )
