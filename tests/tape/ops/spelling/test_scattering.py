"""Spellings of writing into places, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.scatter(x, 1, places, y[:, :2])
torch.scatter(x, 1, places, 2.0)
torch.scatter(x, dim=1, index=places, src=y[:, 1:3])
x.scatter(1, places, value=3.0)
torch.index_copy(x, 1, rows, y[:, :3])
x.index_copy(dim=0, index=rows, source=y)
torch.index_fill(x, 1, rows, 2.0)
x.index_fill(0, rows[:1], s)
torch.select_scatter(x, v, 0, -1)
x.select_scatter(v[:3], dim=1, index=2)
torch.slice_scatter(x, y[:, :2], 1, 0, 4, 2)
x.slice_scatter(y[:2], start=1)
torch.masked_scatter(x, mask, y)
x.masked_scatter(mask[0], y)
torch.take(x, places)
x.take(rows)
torch.put(x, rows, v[:3])
x.put(rows, v[:3], accumulate=True)
F.embedding(rows, w)
F.embedding(places, w, padding_idx=1)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
