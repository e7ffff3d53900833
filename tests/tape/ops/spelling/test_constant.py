"""Spellings of comparisons, orders, rounding and questions about shape and type, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
x // 2
2 // p
x // p
torch.floor_divide(x, p)
x.floor_divide(p)
len(x)
0.5 in x
x == y
x != y
x < y
x > y
x <= 0.5
0.5 > x
x >= plain
plain < x
torch.eq(x, y)
torch.ne(x, other=y)
torch.lt(x, y)
torch.le(x, y)
torch.gt(x, y)
torch.ge(x, y)
x.eq(y)
x.ne(y)
x.lt(y)
x.le(y)
x.gt(y)
x.ge(y)
torch.not_equal(x, y)
torch.less(x, y)
torch.less_equal(x, y)
torch.greater(x, y)
torch.greater_equal(x, y)
x.not_equal(y)
x.less(y)
x.less_equal(y)
x.greater(y)
x.greater_equal(y)
torch.equal(x, y)
x.equal(x)
torch.isclose(x, y, atol=0.5)
x.isclose(y)
torch.allclose(x, y)
x.allclose(x)
torch.isnan(x)
x.isnan()
torch.isinf(x)
x.isinf()
torch.isfinite(x)
x.isfinite()
torch.isneginf(x)
x.isneginf()
torch.isposinf(x)
x.isposinf()
torch.isreal(x)
x.isreal()
torch.signbit(x)
x.signbit()
torch.is_nonzero(s)
s.is_nonzero()
torch.argmax(x)
torch.argmax(x, dim=1)
x.argmax(1, keepdim=True)
torch.argmin(x)
x.argmin(0)
torch.argsort(x)
x.argsort(descending=True)
torch.nonzero(x)
x.relu().nonzero()
torch.argwhere(x)
x.argwhere()
torch.count_nonzero(x)
x.count_nonzero(0)
torch.searchsorted(v.sort().values, x)
torch.bucketize(x, v.sort().values)
torch.sign(x)
x.sign()
torch.sgn(x)
x.sgn()
torch.floor(x)
x.floor()
torch.ceil(x)
x.ceil()
torch.round(x, decimals=1)
x.round()
torch.trunc(x)
x.trunc()
torch.fix(x)
x.fix()
torch.logical_and(x, y)
x.logical_and(y)
torch.logical_or(x, y)
x.logical_or(y)
torch.logical_xor(x, y)
x.logical_xor(y)
torch.logical_not(x)
x.logical_not()
torch.zeros_like(x)
torch.ones_like(x, dtype=torch.float32)
torch.empty_like(x).shape
torch.rand_like(x).shape
torch.randn_like(x).shape
torch.randint_like(x, 3).shape
torch.is_floating_point(x)
x.is_floating_point()
torch.is_complex(x)
x.is_complex()
torch.numel(x)
x.numel()
torch.result_type(x, 1)
x.size()
x.size(0)
x.size(dim=-1)
x.stride()
x.T.stride(0)
x.dim()
x.ndimension()
x.nelement()
x.element_size()
x.is_contiguous()
x.is_signed()
x.get_device()
x.data_ptr() > 0
x.is_shared()
x.is_pinned()
x.is_set_to(x)
x.dense_dim()
x.sparse_dim()
x.dim_order()
torch.is_conj(x)
x.is_conj()
torch.is_neg(x)
x.is_neg()
torch.is_inference(x)
x.is_inference()
torch.is_same_size(x, y)
x.is_same_size(y)
torch.get_device(x)
x.char()
x.abs().byte()
x.storage_offset()
s.item() > 0.5
[max(row) < 1 for row in x.tolist()]
x.new_zeros(2, 3)
x.new_zeros((2,), dtype=torch.int64)
x.new_ones(2)
x.new_empty(2).shape
x.long()
x.int()
x.short()
x.bool()
bool(s)
int(s)
range(3)[s.long()]
range(9)[torch.ones_like(s).sum().long()]
f"{s:.3f}"
x.shape
x.dtype
x.device
x.ndim
x.layout
x.itemsize
x.nbytes
x.is_cpu
x.is_cuda
x.detach()
x * torch.detach(x)
torch.any(x)
x.any(1)
torch.all(x)
x.all()
torch.isin(x, y)
""")

# What torch has no derivative for, and the same with one.
WITH_A_DERIVATIVE = {
    "x // 2": "x.detach() // 2",
    "2 // p": "2 // p.detach()",
    "x // p": "x.detach() // p.detach()",
    "torch.floor_divide(x, p)": "torch.floor_divide(x.detach(), p.detach())",
    "x.floor_divide(p)": "x.detach().floor_divide(p.detach())",
    "int(s)": "int(s.detach())",
}


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression, WITH_A_DERIVATIVE.get(expression))
