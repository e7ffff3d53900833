"""Patches: that the transposes are transposes, and that windows fit."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

import tape
from tape.ops.patches import add_windows, max_taps, windows

small = st.tuples(st.integers(1, 3), st.integers(1, 3))


@given(size=st.tuples(st.integers(1, 8), st.integers(1, 8)), kernel=small, stride=small, dilation=small)
def test_windows_are_what_unfold_gives_with_channels_last(size: Any, kernel: Any, stride: Any, dilation: Any) -> None:
    assume(all(d * (k - 1) < s for s, k, d in zip(size, kernel, dilation, strict=True)))
    x = torch.rand(2, *size, 3, dtype=torch.float64)
    found = windows(x, kernel_size=kernel, stride=stride, dilation=dilation)
    n, rows, columns = found.shape[:3]
    unfolded = F.unfold(x.permute(0, 3, 1, 2), kernel, dilation, 0, stride)
    expected = unfolded.reshape(n, 3, *kernel, rows, columns).permute(0, 4, 5, 2, 3, 1)
    torch.testing.assert_close(found, expected)
    g = torch.rand(found.shape, dtype=torch.float64)
    added = add_windows(g, size=size, stride=stride, dilation=dilation)
    folded = F.fold(g.permute(0, 5, 3, 4, 1, 2).reshape(unfolded.shape), size, kernel, dilation, 0, stride)
    torch.testing.assert_close(added, folded.permute(0, 2, 3, 1))
    torch.testing.assert_close((found * g).sum(), (x * added).sum())


@given(kernel=small, stride=small, dilation=small, spare=small)
def test_an_image_may_be_larger_than_its_windows(kernel: Any, stride: Any, dilation: Any, spare: Any) -> None:
    x = torch.rand(1, 2, 2, *kernel, 2, dtype=torch.float64)
    size = tuple(s + d * (k - 1) + 1 + e for s, d, k, e in zip(stride, dilation, kernel, spare, strict=True))
    out, pullback = tape.vjp(lambda x: add_windows(x, size=size, stride=stride, dilation=dilation), x)
    g = torch.rand(out.shape, dtype=torch.float64)
    torch.testing.assert_close((out * g).sum(), (x * pullback(g)[0]).sum())


@pytest.mark.parametrize(
    "layout", [lambda x: x, lambda x: x.permute(0, 2, 1, 3), lambda x: x[:, :1].expand(1, 4, 4, 2)]
)
def test_windows_of_any_layout(layout: Any) -> None:
    x = layout(torch.arange(32.0, dtype=torch.float64).reshape(1, 4, 4, 2))
    torch.testing.assert_close(windows(x, kernel_size=(2, 3)), windows(x.contiguous(), kernel_size=(2, 3)))


@pytest.mark.parametrize("kernel", [(4, 1), (1, 9)])
def test_a_window_that_does_not_fit_is_refused(kernel: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"window of .* does not fit into an image of \(3, 5\)"):
        windows(torch.zeros(1, 3, 5, 1), kernel_size=kernel)


@pytest.mark.parametrize("repeats", [2, 0, torch.tensor([2]), torch.tensor(3), torch.tensor([1, 0, 2])])
@pytest.mark.parametrize("dim", [0, -2])
def test_repeats_agree_with_torch(repeats: Any, dim: int, agrees_with_torch: Any) -> None:
    agrees_with_torch(lambda x: x.repeat_interleave(repeats, dim) ** 2, torch.rand(3, 2, dtype=torch.float64))


def test_repeats_of_everything(agrees_with_torch: Any) -> None:
    agrees_with_torch(lambda x: x.repeat_interleave(2) ** 2, torch.rand(3, 2, dtype=torch.float64))


def test_images_without_a_batch(agrees_with_torch: Any) -> None:
    agrees_with_torch(lambda x: F.unfold(x, (2, 3), 1, 1, 2) ** 2, torch.rand(2, 4, 5, dtype=torch.float64))
    agrees_with_torch(lambda x: F.fold(x, (4, 5), 2) ** 2, torch.rand(8, 12, dtype=torch.float64))


def test_of_equal_entries_of_a_window_the_first_gets_the_cotangent() -> None:
    x = torch.tensor([1.0, 2.0, 2.0, 2.0, 0.0, 2.0], dtype=torch.float64).reshape(1, 1, 1, 3, 2, 1)
    out, pullback = tape.vjp(max_taps, x)
    assert out.item() == 2
    assert pullback(torch.full_like(out, 3.0))[0].flatten().tolist() == [0, 3, 0, 0, 0, 0]
