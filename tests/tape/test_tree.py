"""Pytrees."""

import threading
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tape import tree

Point = namedtuple("Point", ["x", "y"])


@tree.register_dataclass
@dataclass
class Line:
    start: Any
    end: Any


trees = st.recursive(
    st.integers() | st.none() | st.text(max_size=2),
    lambda children: (
        st.lists(children, max_size=3)
        | st.lists(children, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), children, max_size=3)
        | st.dictionaries(st.text(max_size=2), children, max_size=3).map(OrderedDict)
        | st.builds(Point, children, children)
        | st.builds(Line, children, children)
    ),
    max_leaves=10,
)


@given(trees)
def test_unflatten_is_the_inverse_of_flatten(value: Any) -> None:
    leaves, treedef = tree.flatten(value)
    rebuilt = tree.unflatten(treedef, leaves)
    assert rebuilt == value
    assert repr(rebuilt) == repr(value)  # and dicts in their order
    assert leaves == tree.leaves(value)
    assert None not in leaves
    assert tree.flatten_up_to(treedef, value) == leaves


@given(trees)
def test_there_is_one_path_for_each_leaf(value: Any) -> None:
    assert len(tree.paths(value)) == len(tree.leaves(value))


@given(trees)
def test_map_visits_leaves_in_order_and_keeps_the_structure(value: Any) -> None:
    visited: list[Any] = []
    mapped = tree.map(lambda leaf, other: (visited.append(leaf), other)[1], value, value)
    assert mapped == value
    assert visited == tree.leaves(value)


def test_dicts_keep_their_order() -> None:
    value = {"z": 1, "a": {"y": 2, "b": 3}}
    assert tree.leaves(value) == [1, 2, 3]
    assert tree.paths(value) == ["z", "a.y", "a.b"]
    assert list(tree.map(lambda v: v, value)) == ["z", "a"]


def test_dicts_keep_their_order_in_every_thread() -> None:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(tree.leaves({"z": 1, "a": 2})))
    thread.start()
    thread.join()
    assert seen == [[1, 2]]


def test_paths_name_keys_fields_and_positions() -> None:
    value = {"net": [Line(1, {"w": 2}), Point(3, (4,))], 0: 5, "default": defaultdict(int, k=6), "none": None}
    assert tree.paths(value) == ["net.0.start", "net.0.end.w", "net.1.x", "net.1.y.0", "0", "default.k"]


def test_tensors_and_strings_are_leaves() -> None:
    x = torch.ones(2)
    assert tree.leaves([x, "ab", torch.Size([1, 2]), b"c"])[0] is x
    assert tree.leaves(["ab", torch.Size([1, 2])]) == ["ab", torch.Size([1, 2])]


def test_subtrees_stand_where_the_structure_has_leaves() -> None:
    _, treedef = tree.flatten({"a": 1, "b": [2]})
    assert tree.flatten_up_to(treedef, {"a": {"deep": 1}, "b": [None]}) == [{"deep": 1}, None]


@pytest.mark.parametrize("other", [{"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": [2, 3]}, {"a": 1, "b": (2,)}, [1, [2]]])
def test_another_structure_is_a_value_error(other: Any) -> None:
    _, treedef = tree.flatten({"a": 1, "b": [2]})
    with pytest.raises(ValueError):  # noqa: PT011 - the words are optree's
        tree.flatten_up_to(treedef, other)
    with pytest.raises(ValueError):  # noqa: PT011
        tree.map(lambda a, b: a, {"a": 1, "b": [2]}, other)


def test_a_dataclass_that_is_not_registered_is_a_leaf() -> None:
    @dataclass
    class Plain:
        value: int

    assert tree.leaves([Plain(1)]) == [Plain(1)]
