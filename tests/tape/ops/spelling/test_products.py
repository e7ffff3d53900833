"""Spellings of matrix products, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
x @ w
w.T @ x.T
plain.T @ x
x @ v
v @ w
v @ v
b @ w
b.__rmatmul__(w.T[:, :3])
torch.matmul(x, w)
torch.matmul(x, other=w)
x.matmul(w)
torch.mm(x, w)
x.mm(w)
torch.bmm(b, b.mT)
b.bmm(b.mT)
torch.mv(x, v)
x.mv(v)
torch.dot(v, v)
v.dot(2 * v)
F.linear(x, w.T)
F.linear(x, w.T, r5)
F.linear(x, weight=w.T, bias=r5)
F.linear(x, v)
F.linear(v, x)
torch.outer(v, r5)
torch.ger(v, r5)
v.outer(r5)
v.ger(r5)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
