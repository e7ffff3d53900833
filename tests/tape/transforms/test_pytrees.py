"""Pytrees of parameters: gradients have their structure and their order."""

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, vjp
from tests.tape.transforms.comparison import same

Pair = namedtuple("Pair", ["first", "second"])


@tape.tree.register_dataclass
@dataclass
class Line:
    slope: Any
    offset: Any


@pytest.mark.parametrize(
    "build",
    [
        lambda a, b: {"z": a, "a": b},
        lambda a, b: OrderedDict(z=a, a=b),
        lambda a, b: [a, (b,)],
        lambda a, b: Pair(a, b),
        lambda a, b: Line(a, b),
        lambda a, b: {"a": None, "of": [Line(Pair(a, None), {"b": b}), ()]},
    ],
    ids=["dict", "ordered dict", "list and tuple", "namedtuple", "dataclass", "nested with None"],
)
def test_gradients_have_the_structure_of_the_argument(build: Callable[..., Any], x: Tensor) -> None:
    def f(params: Any) -> Any:
        a, b = tape.tree.leaves(params)
        return (a * b).sum()

    same(grad(f)(build(x, x + 1)), build(x + 1, x))


def test_the_order_of_a_dict_is_kept(x: Tensor) -> None:
    params = {"z": x, "a": x, "m": x}
    assert list(grad(lambda p: (p["a"] * p["z"] * p["m"]).sum())(params)) == ["z", "a", "m"]
    out, pullback = vjp(lambda p: {"z": p["a"], "a": p["z"]}, params)
    assert list(out) == ["z", "a"]
    assert list(pullback({"z": x, "a": x})[0]) == ["z", "a", "m"]


def test_a_function_sees_the_structure_it_was_given(x: Tensor) -> None:
    seen = []
    grad(lambda p: (seen.append(p), p.slope.sum())[1])(Line(x, None))
    assert type(seen[0]) is Line
    assert seen[0].offset is None


def test_outputs_of_vjp_are_a_pytree(x: Tensor) -> None:
    out, pullback = vjp(lambda x: {"sum": x.sum(), "parts": (x * 2, [x, None])}, x)
    same(out, {"sum": x.sum(), "parts": (x * 2, [x, None])})
    one = torch.ones((), dtype=torch.float64)
    same(pullback({"sum": one, "parts": (x, [x, None])}), (1 + 2 * x + x,))


def test_no_leaves_give_no_gradients() -> None:
    assert grad(lambda p: torch.ones(()))({}) == {}
    assert grad(lambda p: torch.ones(()))(None) is None
