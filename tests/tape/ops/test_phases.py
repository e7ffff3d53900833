"""Phases and repeated pixels, beside the same by indexing and by torch's repeats."""

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from tape.ops.phases import interleave, repeat_pixels, separate, sum_pixels

scales = st.tuples(st.integers(1, 3), st.integers(1, 3))


@given(phases=scales, counts=scales, lacking=scales)
def test_phases_take_turns(phases: Any, counts: Any, lacking: Any) -> None:
    x = torch.rand(*phases, 2, 2, *counts, dtype=torch.float64)
    whole = x.permute(2, 3, 4, 0, 5, 1).reshape(2, 2, counts[0] * phases[0], counts[1] * phases[1])
    size = max(whole.shape[2] - lacking[0] + 1, 1), max(whole.shape[3] - lacking[1] + 1, 1)
    found = interleave(x, size=size)
    torch.testing.assert_close(found, whole[:, :, : size[0], : size[1]])
    g = torch.rand(found.shape, dtype=torch.float64)
    torch.testing.assert_close((found * g).sum(), (x * separate(g, phases=phases, size=counts)).sum())


@given(size=scales, scale=scales)
def test_pixels_repeat(size: Any, scale: Any) -> None:
    x = torch.rand(2, *size, 2, dtype=torch.float64)
    found = repeat_pixels(x, scale=scale)
    torch.testing.assert_close(found, x.repeat_interleave(scale[0], 1).repeat_interleave(scale[1], 2))
    g = torch.rand(found.shape, dtype=torch.float64)
    torch.testing.assert_close((found * g).sum(), (x * sum_pixels(g, scale=scale)).sum())
