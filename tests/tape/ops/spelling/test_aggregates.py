"""Spellings of products, spreads, quantiles and running reductions, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.prod(x)
torch.prod(x, 1)
torch.prod(x, dim=0, keepdim=True)
torch.prod(x * (x > 0), 1)
x.prod()
x.float().prod(1, dtype=torch.float64)
torch.cumprod(x, 0)
torch.cumprod(x, dim=-1, dtype=torch.float64)
x.cumprod(1)
torch.logcumsumexp(x, 1)
x.logcumsumexp(dim=0)
torch.nansum(x)
torch.nansum(x, 1, True)
x.nansum(dim=0)
torch.nanmean(x)
x.nanmean(1)
torch.aminmax(x)
torch.aminmax(x, dim=1, keepdim=True)
x.aminmax(dim=0)
torch.var_mean(x)
torch.var_mean(x, 1, unbiased=False, keepdim=True)
torch.var_mean(x, dim=0, correction=2)
torch.std_mean(x, dim=1)
torch.std_mean(x, False)
torch.msort(x)
x.msort()
torch.kthvalue(x, 2)
x.kthvalue(1, dim=0, keepdim=True)
torch.mode(x)
x.mode(dim=0)
torch.cummax(x, 1)
x.cummax(0)
torch.cummin(x, dim=1)
x.cummin(0)
torch.quantile(x, 0.3)
torch.quantile(x, torch.tensor([0.2, 0.9]).double(), dim=1, keepdim=True)
x.quantile(0.5, dim=0, interpolation="midpoint")
torch.cov(x)
x.cov(correction=0)
torch.corrcoef(x)
x.corrcoef()
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
