"""Spellings of reductions and running sums, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.sum(x)
torch.sum(x, 1)
torch.sum(x, dim=0, keepdim=True)
torch.sum(x, axis=(0, 1))
torch.sum(x, 1, True)
torch.sum(x, dim=1, keepdims=True)
torch.sum(x, dtype=torch.float32)
x.sum()
x.sum(0)
x.sum(-1, keepdim=True)
x.sum((0, 1))
x.sum([0], True)
x.sum(axis=1)
x.sum(dim=(0, -1), keepdim=True)
s.sum(0)
torch.mean(x)
torch.mean(x, 1)
torch.mean(x, axis=0, keepdims=True)
x.mean()
x.mean(dim=-1, keepdim=True)
x.mean((0, 1))
x.float().mean(dtype=torch.float64)
torch.amax(x)
torch.amax(x, (0, 1))
torch.amax(x, dim=1, keepdim=True)
x.amax(0)
x.amax(axis=0)
torch.amin(x)
torch.amin(x, 0)
x.amin(dim=(1, 0))
torch.cumsum(x, 0)
torch.cumsum(x, dim=-1)
x.cumsum(axis=1)
x.cumsum(0)
s.cumsum(0)
torch.logsumexp(x, 1)
torch.logsumexp(x, dim=(0, 1), keepdim=True)
torch.special.logsumexp(x, 0)
x.logsumexp(-1)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
