"""Joining: what torch lets people join."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import tape


def test_parts_of_several_dtypes_keep_theirs() -> None:
    x, y = torch.ones(2, dtype=torch.float32), torch.ones(3, dtype=torch.float64)
    grads = tape.grad(lambda x, y: (torch.cat([x, torch.tensor([1, 2]), y]) ** 2).sum(), (0, 1))(x, y)
    assert [g.dtype for g in grads] == [torch.float32, torch.float64]
    assert [g.tolist() for g in grads] == [[2, 2], [2, 2, 2]]


def test_an_empty_part_joins_anything(agrees_with_torch: Any) -> None:
    empty, x = torch.zeros(0, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    agrees_with_torch(lambda e, x: torch.cat([e, x, x]), empty, x)


@given(
    data=st.data(),
    mode=st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    sizes=st.lists(st.integers(2, 4), min_size=4, max_size=4),
)
def test_padding_agrees_with_torch(data: st.DataObject, mode: str, sizes: list[int]) -> None:
    count = data.draw(st.integers(1, 2))
    low, high = (-1, 3) if mode == "constant" else (0, 1)
    pad = data.draw(st.lists(st.integers(low, high), min_size=2 * count, max_size=2 * count))
    if mode != "constant" and count == 1:
        sizes = sizes[1:]  # torch pads one dimension of three and two of four
    x = torch.rand(sizes, dtype=torch.float64)
    required = x.clone().requires_grad_()
    expected = F.pad(required, pad, mode)
    out, pullback = tape.vjp(lambda x: F.pad(x, pad, mode), x)
    torch.testing.assert_close(out, expected.detach())
    g = torch.rand(out.shape, dtype=torch.float64)
    torch.testing.assert_close(pullback(g), torch.autograd.grad(expected, required, g))


@pytest.mark.parametrize("mode", ["reflect", "circular", "mirror"])
def test_padding_beyond_the_image_is_refused(mode: str) -> None:
    with pytest.raises(ValueError, match=mode):
        tape.vjp(lambda x: F.pad(x, (9, 1), mode), torch.zeros(1, 2, 3))


@given(size=st.integers(0, 9), chunks=st.integers(1, 5), step=st.integers(1, 5))
def test_pieces_are_cut_as_by_torch(size: int, chunks: int, step: int) -> None:
    x = torch.arange(float(size))
    for cut in (lambda x: torch.chunk(x, chunks), lambda x: torch.split(x, step)):
        pieces, pullback = tape.vjp(cut, x)
        assert [p.tolist() for p in pieces] == [p.tolist() for p in cut(x)]
        torch.testing.assert_close(pullback(pieces), (x,))
