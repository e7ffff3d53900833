"""Spellings of special functions, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.erfc(x)
torch.special.erfc(x)
x.erfc()
torch.erfinv(u)
torch.special.erfinv(u)
u.erfinv()
torch.lgamma(p)
torch.special.gammaln(p)
p.lgamma()
torch.digamma(p)
torch.special.digamma(p)
torch.special.psi(p)
p.digamma()
torch.polygamma(1, p)
torch.special.polygamma(2, p)
p.polygamma(1)
torch.mvlgamma(h, 2)
torch.special.multigammaln(h, p=2)
h.mvlgamma(2)
torch.logaddexp(x, y)
torch.logaddexp(x, other=plain)
x.logaddexp(y)
torch.logaddexp2(x, y)
x.logaddexp2(y)
torch.hypot(x, y)
x.hypot(y)
torch.xlogy(x, p)
torch.xlogy(2.0, p)
torch.xlogy(x, 2.0)
torch.special.xlogy(x, p)
x.xlogy(p)
torch.logit(p / 3)
torch.logit(x, 0.1)
torch.special.logit(x, eps=0.2)
x.logit(eps=0.1)
torch.sinc(x)
torch.special.sinc(x)
x.sinc()
torch.special.entr(p)
torch.special.ndtr(x)
F.logsigmoid(x)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
