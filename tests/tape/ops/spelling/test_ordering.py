"""Spellings of sorting and selecting by size, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.sort(x)
torch.sort(x, 0, True)
torch.sort(x, dim=1, descending=True)
torch.sort(x, stable=True, dim=0).values
x.sort(0).indices
x.sort(descending=True)[0]
s.sort()
torch.topk(x, 2)
torch.topk(x, k=2, dim=0, largest=False, sorted=True)
x.topk(1, 1)
torch.max(x)
torch.max(x, 1)
torch.max(x, dim=0, keepdim=True)
torch.max(x, y)
torch.max(x, other=y)
x.max()
x.max(1).values
x.max(dim=1, keepdim=True)[0]
x.max(y)
s.max(0)
torch.min(x)
torch.min(x, 0)
torch.min(x, y)
x.min()
x.min(dim=-1)
torch.median(x)
torch.median(x, 1)
x.median()
x.median(dim=0, keepdim=True)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
