"""Spellings of indexing and gathering, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
x[0]
x[-1, 2]
x[:, 1:]
x[..., 0]
x[None]
x[:, None, ::2]
x[1:2, [0, 2]]
x[[0, 2]]
x[torch.tensor([0, 2, 0])]
x[rows, rows]
x[mask]
x[x > 0]
x[torch.tensor(1):]
x[int(x.argmax()) // 4]
x[True]
x[()]
torch.index_select(x, 0, rows)
torch.index_select(x, dim=1, index=rows)
x.index_select(-1, rows)
torch.index_add(x, 0, rows, y)
torch.index_add(x, dim=0, index=rows, source=y, alpha=2)
x.index_add(0, rows, y)
torch.index_put(x, (rows[:2],), y[:2])
torch.index_put(x, (rows, rows), y[:, 0], accumulate=True)
torch.index_put(x, [mask], s)
x.index_put((rows[:2], rows[1:]), v[:2])
x.index_put(indices=(torch.tensor([1]),), values=v)
torch.gather(x, 1, places)
torch.gather(x, dim=1, index=places)
x.gather(1, places)
torch.scatter_add(x, 1, places, y[:, :2])
x.scatter_add(dim=1, index=places, src=y[:, 1:3])
torch.take_along_dim(x, places, 1)
torch.take_along_dim(x, places[:1], dim=1)
x.take_along_dim(places.flatten())
x.take_along_dim(places, dim=1)
torch.select(x, 1, 2)
x.select(0, -1)
x.select(dim=1, index=0)
torch.narrow(x, 1, 1, 2)
x.narrow(0, -2, 2)
x.narrow(dim=0, start=1, length=0)
torch.masked_select(x, mask)
x.masked_select(mask[0])
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
