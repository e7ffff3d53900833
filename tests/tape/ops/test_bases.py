"""Windows in another basis, beside the same by unfold and einsum."""

from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from tape.ops.bases import add_changed_windows, change_windows

side = st.integers(0, 2)


@given(
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    entries=st.integers(1, 4),
    span=st.integers(1, 4),
    overlap=st.integers(0, 2),
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
