"""Spellings of contractions of several tensors, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.addmm(r5, x, w)
torch.addmm(r5, x, w, beta=2, alpha=0.5)
torch.addmm(r5, x, w, beta=0)
r5.addmm(x, w)
torch.baddbmm(x[:, :3], b, b.mT, alpha=2)
x[:, :3].baddbmm(b, b.mT)
torch.addmv(v[:3], x, v, beta=3)
v[:3].addmv(x, v)
torch.addbmm(m, b, b.mT)
m.addbmm(b, b.mT, beta=2)
torch.addr(w, v, r5, alpha=2)
w.addr(v, r5)
torch.vdot(v, 2 * v)
v.vdot(v)
torch.linalg.vecdot(x, y)
torch.linalg.vecdot(x, y, dim=0)
torch.inner(x, y)
torch.inner(x, s)
x.inner(v)
torch.tensordot(b, x, 2)
torch.tensordot(b, w, dims=([2], [0]))
torch.kron(m, v)
x.kron(r5)
torch.linalg.multi_dot([v, w, r5])
torch.einsum("ij,jk->ik", x, w)
torch.einsum("ij,ij", x, y)
torch.einsum("...ij,...kj->...ik", b, x)
torch.einsum("ii->i", m)
torch.einsum("bij,bkj,i->bk", [b, b, v[:3]])
torch.bilinear(x, y, torch.ones(2, 4, 4).double(), r5[:2])
F.bilinear(x, y, b.mT @ b)
F.scaled_dot_product_attention(b, b, b)
F.scaled_dot_product_attention(x, y, p, attn_mask=mask[:, :3], scale=0.3)
F.scaled_dot_product_attention(x, y, p, is_causal=True)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
