"""Patches as columns, beside torch's unfold."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from tape.ops.columns import add_columns, patch_columns

small = st.tuples(st.integers(1, 3), st.integers(1, 3))
side = st.integers(0, 2)


@given(
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    kernel=small,
    stride=small,
    dilation=small,
    sides=st.tuples(side, side, side, side),
)
def test_columns_are_what_unfold_gives(size: Any, kernel: Any, stride: Any, dilation: Any, sides: Any) -> None:
    x = torch.rand(2, 3, *size, dtype=torch.float64)
    padded = F.pad(x, sides)
    assume(all(d * (k - 1) < s for s, k, d in zip(padded.shape[2:], kernel, dilation, strict=True)))
    options: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "dilation": dilation, "sides": sides}
    found = patch_columns(x, **options)
    unfolded = F.unfold(padded, kernel, dilation, 0, stride)
    torch.testing.assert_close(found, unfolded.transpose(0, 1).reshape(found.shape))
    g = torch.rand(found.shape, dtype=torch.float64)
    torch.testing.assert_close((found * g).sum(), (x * add_columns(g, shape=tuple(x.shape), **options)).sum())


def test_a_window_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit into an image of"):
        patch_columns(torch.zeros(1, 1, 3, 5), kernel_size=(4, 1))
