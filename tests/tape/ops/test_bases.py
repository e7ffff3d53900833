"""Windows in another basis, beside the same by unfold and einsum."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from tape.ops.bases import add_changed_windows, change_windows, multiply_changed, sum_changed

side = st.integers(0, 2)


@given(
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    entries=st.integers(1, 4),
    span=st.integers(1, 4),
    overlap=st.integers(-1, 2),
    sides=st.tuples(side, side, side, side),
)
def test_windows_change_as_einsum_says(size: Any, entries: int, span: int, overlap: int, sides: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    step = max(span - overlap, 1)
    table = torch.randn(entries, span, generator=generator, dtype=torch.float64)
    options: dict[str, Any] = {"matrix": tuple(map(tuple, table.tolist())), "step": step, "sides": sides}
    x = torch.randn(2, *size, 3, generator=generator, dtype=torch.float64)
    found = change_windows(x, **options)
    padded = F.pad(x, (0, 0, *sides))
    lacking = [-(extent - span) % step if extent > span else span - extent for extent in padded.shape[1:3]]
    windows = F.pad(padded, (0, 0, 0, lacking[1], 0, lacking[0])).unfold(1, span, step).unfold(2, span, step)
    expected = torch.einsum("nrscuv,iu,jv->jinrsc", windows, table, table)
    torch.testing.assert_close(found, expected.reshape(found.shape))
    g = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    added = add_changed_windows(g, shape=(2, *size, 3), **options)
    torch.testing.assert_close((found * g).sum(), (x * added).sum())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_windows_change_in_float32_and_are_rounded_once(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    options: dict[str, Any] = {"matrix": ((0.1, -20.3, 20.0), (0.7, 0.0, 1.3)), "step": 1}
    x = torch.randn(2, 5, 6, 3, generator=generator).to(dtype)
    changed = change_windows(x, **options)
    assert torch.equal(changed, change_windows(x.float(), **options).to(dtype))
    wide = add_changed_windows(changed.float(), shape=(2, 5, 6, 3), **options)
    assert torch.equal(add_changed_windows(changed, shape=(2, 5, 6, 3), **options), wide.to(dtype))


@given(channels=st.tuples(st.integers(0, 3), st.integers(1, 3)), entries=st.integers(1, 4), span=st.integers(1, 3))
def test_places_are_multiplied_as_einsum_says(channels: Any, entries: int, span: int) -> None:
    generator = torch.Generator().manual_seed(0)
    table, x, w, g = (
        torch.randn(size, generator=generator, dtype=torch.float64)
        for size in (
            (entries, span),
            (entries**2, 5, channels[0]),
            (channels[1], channels[0], span, span),
            (entries**2, 5, channels[1]),
        )
    )
    matrix = tuple(map(tuple, table.tolist()))
    kernels = torch.einsum("dcuv,iu,jv->jicd", w, table, table).reshape(entries**2, channels[0], channels[1])
    torch.testing.assert_close(multiply_changed(x, w, matrix=matrix), x @ kernels)
    # Kernels with the channels exchanged in memory are read another way.
    exchanged = w.transpose(0, 1).contiguous().transpose(0, 1)
    torch.testing.assert_close(multiply_changed(x, exchanged, matrix=matrix), x @ kernels)
    torch.testing.assert_close(((x @ kernels) * g).sum(), (w * sum_changed(x, g, matrix=matrix)).sum())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_places_are_multiplied_in_float32_and_rounded_once(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = ((0.1, -20.3, 20.0), (0.7, 0.0, 1.3))
    x, w, g = (torch.randn(size, generator=generator).to(dtype) for size in ((4, 5, 2), (3, 2, 3, 3), (4, 5, 3)))
    wide = multiply_changed(x.float(), w.float(), matrix=matrix)
    assert torch.equal(multiply_changed(x, w, matrix=matrix), wide.to(dtype))
    assert torch.equal(sum_changed(x, g, matrix=matrix), sum_changed(x.float(), g.float(), matrix=matrix).to(dtype))
