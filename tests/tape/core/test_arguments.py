"""Which arguments of a call are differentiated, and what is said of those that cannot be."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import tape
from tape.core.arguments import Argnums, check_differentiable, dotted, named, positions
from tape.core.tape import Tape
from tape.core.traced import box


def called(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
    return args, kwargs


def test_one_argument_is_chosen_and_the_others_pass_through() -> None:
    x, y = torch.ones(2), torch.zeros(2)
    chosen = Argnums(1)
    f, values, names = chosen.choose(called, (x, y, 3), {"k": 4})
    assert len(values) == 1
    assert values[0] is y
    assert names == ("argument 1",)
    assert f("new") == ((x, "new", 3), {"k": 4})
    assert chosen.entries(("entry",)) == "entry"


@pytest.mark.parametrize("argnums", [(2, 0), [2, 0], (-1, -3)])
def test_several_arguments_are_chosen_in_the_order_of_their_numbers(argnums: Any) -> None:
    x, y = torch.ones(2), torch.zeros(2)
    chosen = Argnums(argnums)
    f, values, names = chosen.choose(called, (x, 3, y), {})
    assert values[0] is y
    assert values[1] is x
    assert names == ("argument 2", "argument 0")
    assert f("last", "first") == (("first", 3, "last"), {})
    assert chosen.entries(("a", "b")) == ("a", "b")


def test_a_sequence_of_one_gives_a_tuple_of_one() -> None:
    assert Argnums((0,)).entries(("a",)) == ("a",)
    assert Argnums([0]).numbers == (0,)


def test_each_call_of_the_chosen_function_begins_from_the_arguments_as_they_were() -> None:
    f, _, _ = Argnums(0).choose(called, (torch.ones(1), 2), {})
    assert f("one") == (("one", 2), {})
    assert f("two") == (("two", 2), {})


@pytest.mark.parametrize(
    ("numbers", "count", "expected"), [((0,), 1, (0,)), ((-1, 0), 2, (1, 0)), ((-2,), 2, (0,)), ((), 0, ())]
)
def test_numbers_count_from_either_end(numbers: tuple[int, ...], count: int, expected: tuple[int, ...]) -> None:
    assert positions(numbers, count) == expected


@pytest.mark.parametrize(("number", "count"), [(2, 2), (-3, 2), (0, 0)])
def test_a_number_out_of_range_is_an_error(number: int, count: int) -> None:
    message = rf"^numbers {number} is out of range: the function was called with {count} arguments$"
    with pytest.raises(ValueError, match=message):
        positions((number,), count, "numbers")


def test_an_argument_is_named_once() -> None:
    with pytest.raises(ValueError, match=r"argnums \(1, -1\) names an argument twice"):
        positions((1, -1), 2)


@dataclass
class Pair:
    left: Any


DIFFERENTIABLE = [
    torch.ones(2),
    torch.ones(2, dtype=torch.int64),
    torch.ones(2, dtype=torch.bool),
    box(Tape(), torch.ones(2)),
    True,
    "name",
    torch.float32,
    torch.device("cpu"),
    torch.channels_last,
    torch.Generator(),
]


@pytest.mark.parametrize("leaf", DIFFERENTIABLE, ids=lambda x: type(x).__name__)
def test_dense_real_tensors_and_what_says_how_to_compute_are_welcome(leaf: Any) -> None:
    check_differentiable([leaf], str)


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        (2, "leaf 1 is the Python number 2; a derivative needs a tensor: torch.tensor(2)"),
        (0.5, "leaf 1 is the Python number 0.5; a derivative needs a tensor: torch.tensor(0.5)"),
        (1j, "leaf 1 is the Python number 1j; a derivative needs a tensor: torch.tensor(1j)"),
        (
            torch.nn.ReLU(),
            "leaf 1 is a module, ReLU; a derivative is of its parameters: pass dict(module.named_parameters()) and "
            "call tape.functional_call(module, parameters, x)",
        ),
        (np.ones(2), "leaf 1 is a numpy ndarray; a derivative needs a tensor: torch.as_tensor(x)"),
        (
            Pair(1),
            "leaf 1 is the dataclass Pair, which is not registered as a pytree: decorate it with "
            "@tape.tree.register_dataclass",
        ),
        (
            object(),
            "leaf 1 is a object, which has no derivative; pass pytrees of tensors, and anything else as an argument "
            "outside argnums or let the function close over it",
        ),
    ],
    ids=["int", "float", "complex", "module", "array", "dataclass", "object"],
)
def test_what_may_hold_numbers_and_is_no_tensor_says_what_to_write(leaf: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        check_differentiable([torch.ones(1), leaf], lambda i: f"leaf {i}")
    assert str(caught.value) == message
    assert isinstance(caught.value, tape.TapeError)


@pytest.mark.parametrize(
    ("leaf", "kind"),
    [
        (torch.ones(2, dtype=torch.complex64), "torch.complex64 and torch.strided"),
        (torch.ones(2).to_sparse(), "torch.float32 and torch.sparse_coo"),
        (torch.ones(2).to_mkldnn(), "torch.float32 and torch._mkldnn"),
    ],
    ids=["complex", "sparse", "mkldnn"],
)
def test_tensors_of_other_kinds_are_refused(leaf: Any, kind: str) -> None:
    with pytest.raises(tape.TapeError) as caught:
        check_differentiable([leaf], lambda i: f"leaf {i}")
    assert str(caught.value) == (
        f"leaf 0 is a tensor of {kind}; derivatives are of dense real tensors: pass x.to_dense(), or the real and the "
        "imaginary part"
    )


def test_leaves_are_named_by_their_argument_and_path() -> None:
    assert named(("x", "p"), "1.w.0") == "p at w.0"
    assert named(("x", "p"), "0") == "x"
    assert dotted("x", "") == "x"
    assert dotted("x", "w") == "x at w"


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        (torch.tensor(1), "argument 0"),
        ({"w": torch.ones(1), "n": [torch.tensor(True)]}, "argument 0 at n.0"),
    ],
)
def test_integers_are_refused_with_their_place(argument: Any, name: str) -> None:
    dtype = tape.tree.leaves(argument)[-1].dtype
    with pytest.raises(tape.TapeError) as caught:
        Argnums(0).choose(called, (argument,), {})
    assert str(caught.value) == (
        f"{name} is a tensor of {dtype}, which has no gradient; convert it with .float(), or pass it as an argument "
        "outside argnums"
    )


def test_complex_tensors_are_refused_later_by_what_they_are() -> None:
    Argnums(0).choose(called, (torch.ones(1, dtype=torch.complex64),), {})


def test_a_flag_beside_tensors_is_welcome_and_alone_is_none() -> None:
    Argnums(0).choose(called, ({"w": torch.ones(1), "flag": True, "name": "n"},), {})
    Argnums(0).choose(called, ({"w": box(Tape(), torch.ones(1)), "flag": True},), {})
    with pytest.raises(TypeError, match="argument 0 at 0 is a bool, which has no derivative"):
        Argnums(0).choose(called, ([True],), {})
    with pytest.raises(TypeError, match="argument 1 is a str, which has no derivative"):
        Argnums(1).choose(called, (torch.ones(1), "n"), {})
