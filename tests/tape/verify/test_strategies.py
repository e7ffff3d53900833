"""The strategies for test suites draw what they say."""

from typing import Any

import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st

from tape import verify


@given(verify.broadcastable_shapes(count=3))
def test_shapes_broadcast_together(shapes: tuple[tuple[int, ...], ...]) -> None:
    torch.broadcast_shapes(*shapes)


@given(verify.tensors(verify.shapes(max_size=4), low=-1.0, high=3.0, kinks=(0.0,)))
def test_tensors_keep_to_their_range_and_off_kinks(x: torch.Tensor) -> None:
    assert ((x >= -1) & (x <= 3) & (x.abs() > 1e-3)).all()


@given(verify.tensors(verify.shapes(), distinct=True))
def test_distinct_entries_differ(x: torch.Tensor) -> None:
    assert x.unique().numel() == x.numel()


@given(st.data())
def test_layouts_keep_the_numbers(data: Any) -> None:
    x = data.draw(verify.tensors(verify.shapes()))
    other = data.draw(verify.layouts(x))
    assert other.equal(x)
    other.zero_()
    assert not x.any() or not other.equal(x)


@given(st.data())
def test_indices_and_dims_fit(data: Any) -> None:
    x = data.draw(verify.tensors(verify.shapes()))
    x[data.draw(verify.indices(x.shape))]
    torch.sum(x, data.draw(verify.dims(x.ndim)))


@settings(max_examples=200)
@given(verify.indices((4, 3, 5)))
def test_tensors_in_an_index_broadcast_together(index: tuple[Any, ...]) -> None:
    torch.zeros(4, 3, 5)[index]


def test_tensors_in_an_index_may_differ_in_length() -> None:
    find(verify.indices((4, 3)), lambda index: [getattr(part, "shape", None) for part in index] == [(3,), (1,)])


@given(st.data())
def test_cotangents_are_like_the_output(data: Any) -> None:
    output = {"y": torch.zeros(2, 3, dtype=torch.float32), "order": torch.tensor([1])}
    g = data.draw(verify.cotangents(output))
    assert g["order"] is None
    assert (g["y"].shape, g["y"].dtype) == ((2, 3), torch.float32)
