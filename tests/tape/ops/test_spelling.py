"""Every spelling of torch's that tape understands, beside torch itself: value and gradient agree.

Each line below is an expression that a user may write. It is run once on plain tensors, with torch's autograd,
and once recorded.
"""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from tape.ops.spelling import axis, dims, varargs
from tape.traced import Traced, function_name

SPELLINGS = """
x + y
x + 2
2 + x
x + 0.5 * s
plain + x
torch.add(x, y)
torch.add(x, other=y, alpha=2.5)
torch.add(input=x, other=2)
torch.add(plain, x)
x.add(y, alpha=2)
x.add(other=y)
x - y
x - 2
2 - x
plain - x
torch.sub(x, y, alpha=2)
torch.sub(input=x, other=y)
torch.subtract(x, y, alpha=-1)
x.sub(y, alpha=3)
x.subtract(y)
torch.rsub(x, y)
torch.rsub(x, y, alpha=2)
torch.rsub(x, 2, alpha=3)
x * y
3 * x
x * 3
plain * x
x * mask
torch.mul(x, other=y)
torch.multiply(x, y)
x.mul(y)
x.multiply(2)
x / p
x / 2
2 / p
plain / p
p.__rdiv__(2.0)
torch.div(x, p)
torch.div(x, p, rounding_mode="floor")
torch.div(x, 0.1, rounding_mode="trunc")
torch.divide(x, p)
torch.true_divide(x, other=p)
x.div(p)
x.div(p, rounding_mode="floor")
x.divide(p)
x.true_divide(p)
p ** y
p ** 2
p ** 0
p ** -1.5
x ** 3
2 ** x
0.5 ** x
plain.abs() ** x
torch.pow(p, y)
torch.pow(p, exponent=2)
torch.pow(input=p, exponent=y)
torch.pow(2, x)
p.pow(y)
p.pow(exponent=2.5)
pow(p, 2)
x % 3
x % p
3 % p
torch.remainder(x, p)
torch.remainder(x, other=3)
x.remainder(p)
x // 2
2 // p
x // p
torch.floor_divide(x, p)
x.floor_divide(p)
-x
+x
abs(x)
x.positive()
torch.maximum(x, y)
torch.maximum(x, other=plain)
x.maximum(y)
torch.minimum(x, y)
x.minimum(y)
torch.atan2(x, p)
torch.atan2(x, other=p)
torch.arctan2(x, p)
x.atan2(p)
x.arctan2(p)
torch.where(mask, x, y)
torch.where(mask, input=x, other=y)
torch.where(mask, x, 0.0)
torch.where(x > y, x, y)
x.where(mask, y)
x.where(mask, other=y)
x.where(mask, 1.0)
torch.masked_fill(x, mask, 2.0)
x.masked_fill(mask, 2.0)
x.masked_fill(mask=mask, value=s)
torch.lerp(x, y, 0.3)
torch.lerp(x, end=y, weight=p)
x.lerp(y, p)
torch.addcmul(x, y, p)
torch.addcmul(x, y, p, value=2.0)
torch.addcmul(x, tensor1=y, tensor2=p, value=2.0)
x.addcmul(y, p, value=3.0)
torch.addcdiv(x, y, p, value=2.0)
x.addcdiv(y, p)

torch.neg(x)
torch.neg(input=x)
torch.negative(x)
x.neg()
x.negative()
torch.abs(x)
torch.absolute(x)
x.abs()
x.absolute()
torch.exp(x)
x.exp()
torch.expm1(x)
x.expm1()
torch.exp2(x)
x.exp2()
torch.log(p)
p.log()
torch.log1p(p)
p.log1p()
torch.log2(p)
p.log2()
torch.log10(p)
p.log10()
torch.sqrt(p)
p.sqrt()
torch.rsqrt(p)
p.rsqrt()
torch.reciprocal(p)
p.reciprocal()
torch.square(x)
x.square()
torch.sin(x)
x.sin()
torch.cos(x)
x.cos()
torch.tan(u)
u.tan()
torch.asin(u)
torch.arcsin(u)
u.asin()
u.arcsin()
torch.acos(u)
torch.arccos(u)
u.acos()
u.arccos()
torch.atan(x)
torch.arctan(x)
x.atan()
x.arctan()
torch.sinh(x)
x.sinh()
torch.cosh(x)
x.cosh()
torch.tanh(x)
x.tanh()
F.tanh(x)
torch.asinh(x)
torch.arcsinh(x)
x.asinh()
x.arcsinh()
torch.acosh(h)
torch.arccosh(h)
h.acosh()
h.arccosh()
torch.atanh(u)
torch.arctanh(u)
u.atanh()
u.arctanh()
torch.erf(x)
torch.special.erf(x)
x.erf()
torch.sigmoid(x)
torch.special.expit(x)
F.sigmoid(x)
x.sigmoid()
torch.relu(x)
F.relu(x)
F.relu(input=x)
x.relu()
F.leaky_relu(x)
F.leaky_relu(x, 0.2)
F.leaky_relu(x, negative_slope=0.2)
F.softplus(x)
F.softplus(x, 2.0)
F.softplus(x, beta=20.0, threshold=10.0)
torch.clamp(x, -0.5, 0.7)
torch.clamp(x, min=-0.5)
torch.clamp(x, max=0.5)
torch.clamp(x, min=plain - 1, max=plain + 1)
torch.clip(x, -0.5, 0.7)
x.clamp(min=0.1)
x.clamp(-1, 1)
x.clip(max=0.1)

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
torch.var(x)
torch.var(x, False)
torch.var(x, 1)
torch.var(x, 1, True, True)
torch.var(x, dim=0, correction=2, keepdim=True)
torch.var(x, dim=(0, 1), unbiased=False)
x.var()
x.var(0)
x.var(dim=1, correction=0)
torch.std(x)
torch.std(x, dim=1, keepdim=True)
x.std(0, unbiased=False)
x.std(False)

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

torch.reshape(x, (4, 3))
torch.reshape(x, shape=(2, -1))
x.reshape(4, 3)
x.reshape(-1)
x.reshape((2, 6))
x.reshape([2, 6])
x.reshape(shape=(6, 2))
s.reshape(())
s.reshape(1, 1)
x.reshape_as(w[:, :3])
x.view(2, 6)
x.view(-1)
x.view((6, 2))
x.view(size=(6, 2))
x.view_as(w[:, :3])
torch.ravel(x)
x.ravel()
s.ravel()
torch.flatten(b)
torch.flatten(b, 1)
torch.flatten(b, start_dim=0, end_dim=1)
b.flatten(-2)
s.flatten()
torch.unflatten(x, 1, (2, 2))
x.unflatten(-1, (2, -1))
x.unflatten(dim=0, sizes=(1, 3))
torch.unsqueeze(x, 1)
x.unsqueeze(-1)
x.unsqueeze(dim=0)
s.unsqueeze(0)
torch.squeeze(x[:1])
torch.squeeze(x[:1, None], (0, 1))
x[:1].squeeze(0)
x[:1].squeeze(1)
x[:1].squeeze()
x[:1].squeeze(dim=-2)
s.squeeze(0)
torch.permute(b, (2, 0, 1))
torch.permute(b, dims=(0, -1, 1))
b.permute(2, 0, 1)
b.permute((1, 0, 2))
b.permute(dims=(1, 0, 2))
torch.transpose(b, 0, 2)
b.transpose(1, -1)
b.transpose(dim0=0, dim1=1)
torch.swapaxes(b, 0, 1)
torch.swapaxes(b, axis0=0, axis1=1)
torch.swapdims(b, 0, 1)
b.swapaxes(0, 2)
b.swapaxes(axis0=0, axis1=2)
b.swapdims(0, 2)
torch.t(x)
x.t()
v.t()
x.T
x.mT
x.H
x.mH
b.mT
torch.adjoint(b)
x.adjoint()
torch.movedim(b, 0, 2)
torch.movedim(b, (0, 1), (-1, 0))
torch.movedim(b, source=0, destination=1)
torch.moveaxis(b, 0, 1)
b.movedim(2, 0)
b.moveaxis(-1, 0)
v.expand(3, 4)
v.expand((3, -1))
v.expand(size=(2, 4))
x.expand(2, -1, -1)
v.expand_as(x)
torch.broadcast_to(v, (3, 4))
torch.broadcast_to(v, size=(3, 4))
v.broadcast_to(2, 4)
v.broadcast_to((2, 4))
torch.broadcast_tensors(v, x)
torch.broadcast_tensors(plain, s)
torch.flip(x, (0,))
torch.flip(x, dims=(0, 1))
x.flip(0)
x.flip(0, 1)
x.flip([1])
x.flip(dims=(1,))
reversed(v)
reversed(x)
torch.roll(x, 1)
torch.roll(x, 1, 0)
torch.roll(x, shifts=(1, -2), dims=(0, 1))
x.roll(1, 1)
torch.tril(x)
torch.tril(x, diagonal=1)
x.tril(-1)
torch.triu(x, 1)
x.triu()
torch.tile(x, (2, 1))
torch.tile(x, dims=(2,))
x.tile(2, 2)
x.tile((2, 1, 2))
x.repeat(2, 1)
x.repeat((1, 2))
x.repeat(2, 1, 1)
x.repeat(repeats=(2, 1))
torch.clone(x)
x.clone()
x.clone(memory_format=torch.contiguous_format)
x.contiguous()
x.T.contiguous(memory_format=torch.contiguous_format)
x.float()
x.double()
x.half()
x.bfloat16()
x.to(torch.float32)
x.to("cpu")
x.to("cpu", torch.float32)
x.to(device="cpu", dtype=torch.float32)
x.to(plain.float())
x.to(torch.float32, copy=True)
x.to(torch.int64)
x.type_as(plain.float())
x.cpu()

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
[row for row in x]
len(x)
0.5 in x

torch.cat([x, y])
torch.cat((x, plain), 1)
torch.cat([x, y], dim=-1)
torch.cat(tensors=[x, y], axis=1)
torch.cat([x, torch.zeros(0), y])
torch.cat([x, x.float()])
torch.concat([x, y], 1)
torch.concatenate([x, y], axis=1)
torch.stack([x, y])
torch.stack([x, plain, y], dim=-1)
torch.hstack([x, y])
torch.hstack([s, v])
torch.vstack([x, v])
torch.row_stack([x, y])
torch.atleast_1d(s)
torch.atleast_1d(v)
torch.atleast_2d(s)
torch.atleast_2d(v)
torch.atleast_2d(x)
torch.split(x, 2, 1)
torch.split(x, [1, 2])
torch.split(x, split_size_or_sections=2, dim=0)
x.split(3, dim=1)
x.split([1, 2])
torch.split_with_sizes(x, [1, 3], 1)
x.split_with_sizes([1, 2])
torch.chunk(x, 3, 1)
x.chunk(2)
x.chunk(chunks=2, dim=1)
x[:0].chunk(2)
torch.unbind(x)
torch.unbind(x, dim=1)
x.unbind(1)
F.pad(x, (1, 2))
F.pad(x, (1, -1, 0, 2), value=3.0)
F.pad(x, pad=(1, 1), mode="constant", value=0.5)
F.pad(b, (2, 1), mode="reflect")
F.pad(b, (1, 3), mode="replicate")
F.pad(b, (4, 1), mode="circular")
F.pad(img, (2, 1, 1, 2), "reflect")

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

F.unfold(img, 2)
F.unfold(img, kernel_size=(3, 2), dilation=(1, 2), padding=1, stride=(2, 1))
F.unfold(img[0], 2)
F.fold(cols, (4, 5), 2)
F.fold(cols[0], (4, 5), 2)
F.fold(cols, output_size=(4, 5), kernel_size=(2, 2), stride=1)
torch.repeat_interleave(x, 2)
torch.repeat_interleave(x, rows, dim=0)
torch.repeat_interleave(x, torch.tensor([3]), dim=0)
x.repeat_interleave(2, 1)
x.repeat_interleave(repeats=rows, dim=0, output_size=3)

x == y
x != y
x < y
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
torch.unique(x)
x.unique()
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
torch.heaviside(x, y)
x.heaviside(y)
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
torch.full_like(x, 3.0)
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
x.storage_offset()
s.item()
x.tolist()
x.new_zeros(2, 3)
x.new_zeros((2,), dtype=torch.int64)
x.new_ones(2)
x.new_full((2,), 3.0)
x.new_empty(2).shape
x.new_tensor([1, 2])
x.long()
x.int()
x.short()
x.bool()
bool(s)
float(s)
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
torch.fmod(x, p)
torch.fmod(x, 0.7)
x.fmod(p)
torch.frac(x)
x.frac()
torch.fmax(x, y)
x.fmax(y)
torch.fmin(x, y)
x.fmin(y)
torch.copysign(x, y)
torch.copysign(x, -1.0)
x.copysign(y)
torch.nan_to_num(x)
torch.nan_to_num(torch.log(x), nan=1.0, posinf=2.0, neginf=3.0)
x.nan_to_num()
torch.clamp(x, min=y, max=p)
torch.clamp(x, y, p - 1)
torch.clamp(x, min=y)
x.clamp(max=y)
torch.clamp_min(x, 0.1)
torch.clamp_max(x, y)
x.clamp_min(y)
x.clamp_max(0.3)
torch.deg2rad(x)
x.deg2rad()
torch.rad2deg(x)
x.rad2deg()
torch.ldexp(x, y)
torch.ldexp(x, rows[:, None])
x.ldexp(y)
torch.float_power(p, 2)
torch.float_power(p.float(), y)
torch.float_power(2.0, x)
p.float_power(y)
torch.positive(x)
torch.conj(x)
x.conj()
torch.conj_physical(x)
x.conj_physical()
torch.resolve_conj(x)
x.resolve_conj()
torch.resolve_neg(x)
x.resolve_neg()
torch.real(x)

F.logsigmoid(x)
F.elu(x)
F.elu(x, 0.5)
F.elu(x, alpha=2.0)
F.selu(x)
torch.selu(x)
F.celu(x, 0.5)
torch.celu(x, alpha=0.5)
F.gelu(x)
F.gelu(x, approximate="tanh")
F.silu(x)
F.mish(x)
F.hardtanh(x)
F.hardtanh(x, -0.5, 0.7)
F.hardtanh(x, min_val=-0.5, max_val=0.7)
F.relu6(5 * x)
F.hardsigmoid(3 * x)
F.hardswish(3 * x)
F.softsign(x)
F.tanhshrink(x)
F.softshrink(x)
F.softshrink(x, 0.2)
F.hardshrink(x)
torch.hardshrink(x, lambd=0.3)
x.hardshrink(0.2)
F.threshold(x, 0.1, 2.0)
F.threshold(x, threshold=0.1, value=-2.0)
F.prelu(x, v)
F.prelu(x, weight=r5[:1])
torch.prelu(x, v)
x.prelu(v)
F.glu(x)
F.glu(x, dim=1)
F.rrelu(x)
F.rrelu(x, lower=0.1, upper=0.3, training=False)
F.dropout(x, training=False)
F.dropout(x, p=0.0)
F.dropout1d(b, 0.0)
F.dropout2d(img, training=False)
F.dropout3d(img, p=0.5, training=False)
F.alpha_dropout(x)
F.feature_alpha_dropout(x, 0.5, False)
torch.softmax(x, 1)
torch.softmax(x.float(), dim=0, dtype=torch.float64)
torch.special.softmax(x, -1)
F.softmax(x, dim=1)
F.softmax(x, -1, dtype=torch.float64)
x.softmax(0)
x.softmax(dim=-1)
torch.log_softmax(x, 1)
torch.special.log_softmax(x, 0)
F.log_softmax(x, dim=-1)
x.log_softmax(1)
F.softmin(x, dim=1)

F.huber_loss(x, y)
F.huber_loss(x, y, reduction="sum", delta=0.5)
F.huber_loss(x, y, weight=p)
F.smooth_l1_loss(x, y)
F.smooth_l1_loss(x, y, reduction="none", beta=0.5)
F.smooth_l1_loss(x, y, beta=0.0)
F.cross_entropy(x, classes)
F.cross_entropy(x, classes, weight=plain[0].abs(), ignore_index=3, label_smoothing=0.1)
F.cross_entropy(x, classes, reduction="sum", label_smoothing=0.2)
F.cross_entropy(x, p)
F.cross_entropy(x, target=p, weight=p[1], label_smoothing=0.3, reduction="none")
F.cross_entropy(b, classes[:2, None].expand(2, 4) % 3, reduction="none")
F.cross_entropy(v, classes[0])
F.nll_loss(x, classes)
F.nll_loss(x, classes, plain[0].abs(), ignore_index=0, reduction="sum")
F.binary_cross_entropy(p / 3, u * u)
F.binary_cross_entropy(p / 3, plain.abs() / 2, weight=plain.abs(), reduction="sum")
F.binary_cross_entropy_with_logits(x, u * u)
F.binary_cross_entropy_with_logits(x, u * u, weight=plain.abs(), reduction="none", pos_weight=plain[0].abs())
F.kl_div(x, p, reduction="sum")
F.kl_div(x, y, reduction="batchmean", log_target=True)
F.poisson_nll_loss(x, p)
F.poisson_nll_loss(p, h, log_input=False, full=True, eps=1e-3, reduction="sum")
F.soft_margin_loss(x, plain.sign())
F.multilabel_soft_margin_loss(x, mask.double(), weight=p[0], reduction="sum")
F.cosine_embedding_loss(x, y, classes.sign() * 2 - 1, margin=0.1, reduction="sum")
F.hinge_embedding_loss(x, plain.sign(), margin=0.5)
F.margin_ranking_loss(x, y, plain.sign(), margin=0.2, reduction="sum")
F.triplet_margin_loss(x, y, p)
F.triplet_margin_loss(x, y, p, margin=0.5, p=1.5, eps=1e-3, swap=True, reduction="sum")
torch.linalg.vector_norm(x)
torch.linalg.vector_norm(x, 3, dim=1, keepdim=True)
torch.linalg.vector_norm(x, float("inf"), (0, 1))
torch.linalg.vector_norm(x, ord=-1.5, dim=0, dtype=torch.float64)
torch.linalg.matrix_norm(x)
torch.linalg.matrix_norm(b, 1, dim=(0, 2), keepdim=True)
torch.linalg.matrix_norm(b, -float("inf"))
torch.linalg.norm(x)
torch.linalg.norm(x, float("inf"))
torch.linalg.norm(b, 2, dim=1)
torch.norm(x)
torch.norm(x, p=1.5, dim=1, keepdim=True)
torch.norm(b, dim=(0, 2))
x.norm()
x.norm(2)
x.norm(p="fro", dim=-1)
torch.dist(x, y)
x.dist(y, 3)
torch.cdist(x, y)
torch.cdist(x, w.T, p=1.5)
torch.pairwise_distance(x, y, p=3)
F.pairwise_distance(x, y, keepdim=True)
F.normalize(x)
F.normalize(b, p=3, dim=(1, 2), eps=0.1)
F.cosine_similarity(x, y)
torch.cosine_similarity(x, y, dim=0)

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

torch.linalg.solve(m, x)
torch.linalg.solve(m, x.T, left=False)
torch.linalg.solve(m, v[:3])
torch.linalg.inv(m)
torch.inverse(m)
m.inverse()
torch.linalg.solve_triangular(m, x, upper=True)
torch.linalg.solve_triangular(m, x.T, upper=False, left=False, unitriangular=True)
torch.linalg.cholesky(m @ m.T)
torch.linalg.cholesky(m @ m.T, upper=True)
torch.linalg.slogdet(m)
torch.slogdet(m)
m.slogdet()
torch.linalg.det(m)
torch.det(m)
m.det()
torch.logdet(m)
m.logdet()
torch.linalg.matrix_power(m, 3)
torch.matrix_power(m, -2)
m.matrix_power(0)

torch.diagonal(x)
torch.diagonal(b, 1, 0, 2)
b.diagonal(offset=-1, dim1=2, dim2=1)
torch.linalg.diagonal(b)
torch.diag_embed(x)
torch.diag_embed(x, 1, 0, -1)
v.diag_embed(offset=-2)
torch.diag(v)
torch.diag(x, 1)
v.diag(-1)
torch.diagflat(x)
v.diagflat(1)
torch.trace(x)
x.trace()
x.unfold(1, 2, 1)
b.unfold(dimension=-1, size=2, step=2)
torch.fliplr(x)
x.fliplr()
torch.flipud(x)
x.flipud()
torch.rot90(x)
torch.rot90(b, 3, (0, 2))
x.rot90(k=2)
torch.meshgrid(v, r5, indexing="ij")
torch.meshgrid(v, r5, indexing="xy")
torch.cartesian_prod(v, r5)
torch.combinations(v)
torch.combinations(v, r=3, with_replacement=True)
torch.block_diag(x, v, s)
torch.linalg.cross(m, x[:, :3])
torch.linalg.cross(m, x[:, :3], dim=0)
torch.cross(x, y, 0)
torch.cross(x, y, dim=0)
x.cross(y, dim=0)
torch.diff(x)
torch.diff(x, n=2, dim=0)
torch.diff(x, prepend=y, append=p)
x.diff(dim=1)
torch.trapezoid(x)
torch.trapezoid(x, dx=0.5, dim=0)
torch.trapz(x, v)
torch.cumulative_trapezoid(x, p)
F.pixel_shuffle(img.reshape(1, 4, 4, 5), 2)
torch.pixel_shuffle(img.reshape(1, 4, 4, 5), 2)
F.pixel_unshuffle(img[..., :4], 2)
torch.pixel_unshuffle(img[..., :4], 2)
torch.channel_shuffle(img.reshape(1, 4, 4, 5), 2)
F.channel_shuffle(img.reshape(1, 4, 4, 5), groups=2)
b.sum_to_size(1, 4)
b.sum_to_size((3, 1))
torch.tensor_split(x, 3, 1)
torch.tensor_split(x, (1, 3), dim=1)
x.tensor_split(2)
torch.hsplit(x, 2)
x.hsplit([1, 2])
torch.vsplit(x, 3)
x.vsplit((1, 2))
torch.dsplit(b, 2)
b.dsplit(2)
torch.atleast_1d(s, v)
torch.atleast_3d(x)
torch.atleast_3d(v, s)
torch.dstack([x, y])
torch.column_stack([x, v[:3]])

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
torch.any(x)
x.any(1)
torch.all(x)
x.all()
torch.isin(x, y)

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

F.layer_norm(x, (4,))
F.layer_norm(x, (3, 4), weight=y, bias=p, eps=0.1)
torch.layer_norm(x, (4,), v, v)
F.rms_norm(x, (4,))
torch.rms_norm(x, (4,), v, 0.1)
F.group_norm(img, 2)
F.group_norm(img.reshape(1, 4, 4, 5), 2, weight=v, bias=v, eps=0.1)
F.instance_norm(img)
F.instance_norm(img, weight=v[:2], bias=r5[:2], eps=0.1)
F.batch_norm(x, None, None, training=True)
F.batch_norm(img, plain[0, :2], plain[2, :2].abs(), weight=v[:2], bias=r5[:2], eps=0.1)
"""

EXPRESSIONS = [line for line in SPELLINGS.splitlines() if line]

# What torch has no derivative for, or a rounded one, and the same with one.
WITH_A_DERIVATIVE = {
    "3 % p": "torch.full_like(p, 3.0) % p",
    "x // 2": "x.detach() // 2",
    "2 // p": "2 // p.detach()",
    "x // p": "x.detach() // p.detach()",
    "torch.floor_divide(x, p)": "torch.floor_divide(x.detach(), p.detach())",
    "x.floor_divide(p)": "x.detach().floor_divide(p.detach())",
    "torch.unique(x)": "torch.unique(x.detach())",
    "x.unique()": "x.detach().unique()",
    "torch.heaviside(x, y)": "torch.heaviside(x.detach(), y.detach())",
    "x.heaviside(y)": "x.detach().heaviside(y.detach())",
    "F.hardsigmoid(3 * x)": "F.relu6(3 * x + 3) / 6",  # torch's sixth is a float32
    "float(s)": "float(s.detach())",
    "int(s)": "int(s.detach())",
}
REFUSED = {"Tensor.numpy"}  # a gradient would be lost
NEEDS_A_GPU = {"Tensor.cuda"}
ONLY_FOR_INTEGERS = {"Tensor.__index__"}  # a traced value holds no integers


def values() -> dict[str, Tensor]:
    """The names of floating-point tensors in the expressions. No entry is at a kink, no two are equal."""
    generator = torch.Generator().manual_seed(0)

    def spread(low: float, high: float, *shape: int) -> Tensor:
        count = torch.Size(shape).numel()
        order = torch.randperm(count, generator=generator).reshape(shape)
        return (low + (high - low) * (order + 0.37) / count).double()

    return {
        "x": spread(-2, 2, 3, 4),
        "y": spread(-1.9, 1.8, 3, 4),
        "p": spread(0.3, 2.2, 3, 4),
        "u": spread(-0.8, 0.8, 3, 4),
        "h": spread(1.3, 3, 3, 4),
        "v": spread(-1, 2, 4),
        "r5": spread(-2, 1, 5),
        "s": torch.tensor(0.7, dtype=torch.float64),
        "w": spread(-1, 1, 4, 5),
        "b": spread(-2, 2, 2, 3, 4),
        "img": spread(-1, 1, 2, 2, 4, 5),
        "cols": spread(-1, 1, 2, 8, 12),
        "m": spread(-1, 1, 3, 3) + 3 * torch.eye(3, dtype=torch.float64),
    }


NAMES = {
    "torch": torch,
    "F": F,
    "plain": torch.linspace(-1.7, 1.6, 12, dtype=torch.float64).reshape(3, 4),
    "mask": torch.tensor([[True, False, True, True], [False, False, True, False], [True, True, True, False]]),
    "rows": torch.tensor([2, 0, 1]),
    "classes": torch.tensor([2, 0, 3]),
    "places": torch.tensor([[0, 3], [1, 1], [2, 0]]),
}


def evaluate(expression: str, tensors: dict[str, Any]) -> Any:
    return eval(expression, {**NAMES, **tensors})


def leaves(result: Any) -> list[Any]:
    """The parts of a result, and those of a tuple with names, which is no pytree for torch's return types."""
    return [part for leaf in tape.tree.leaves(result) for part in (leaf if isinstance(leaf, (tuple, list)) else [leaf])]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    inputs = values()
    required = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    expected = leaves(evaluate(WITH_A_DERIVATIVE.get(expression, expression), required))
    actual, pullback = tape.vjp(lambda tensors: leaves(evaluate(expression, tensors)), inputs)

    assert len(actual) == len(expected)
    cotangents: list[Any] = []
    for a, e in zip(actual, expected, strict=True):
        if not isinstance(e, Tensor):
            assert type(a) is type(e)
            assert a == e
            cotangents.append(None)
            continue
        assert not a.requires_grad
        torch.testing.assert_close(a, e.detach(), rtol=1e-12, atol=1e-12)
        floating = e.is_floating_point()
        cotangents.append(torch.linspace(-1, 2, e.numel(), dtype=e.dtype).reshape(e.shape) if floating else None)

    differentiable = [i for i, e in enumerate(expected) if isinstance(e, Tensor) and e.requires_grad]
    (gradients,) = pullback(cotangents)
    expected_gradients = [torch.zeros_like(value) for value in required.values()]
    if differentiable:
        expected_gradients = list(
            torch.autograd.grad(
                [expected[i] for i in differentiable],
                list(required.values()),
                [cotangents[i] for i in differentiable],
                materialize_grads=True,
            )
        )
    for name, wanted in zip(inputs, expected_gradients, strict=True):
        torch.testing.assert_close(gradients[name], wanted, rtol=1e-10, atol=1e-10)


def test_every_registered_spelling_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    written: set[str] = set()
    depth = 0

    def noted(function: Any, implementation: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            if not depth:
                written.add(function_name(function))
            depth += 1
            try:
                return implementation(*args, **kwargs)
            finally:
                depth -= 1

        return call

    ours = {f: g for f, g in Traced._functions.items() if registered_by_tape(g)}
    for function, implementations in ours.items():
        wrapped = tuple(noted(function, implementation) for implementation in implementations)
        monkeypatch.setitem(Traced._functions, function, wrapped)
        for name in method_names(function):
            monkeypatch.setattr(Traced, name, wrapped[1])
    inputs = values()
    for expression in EXPRESSIONS:
        tape.vjp(lambda tensors, e=expression: leaves(evaluate(e, tensors)), inputs)

    registered = {function_name(function) for function in ours}
    assert registered - written == REFUSED | NEEDS_A_GPU | ONLY_FOR_INTEGERS


def registered_by_tape(implementations: Any) -> bool:
    return str(implementations[0].__module__).startswith("tape.ops.")


def method_names(function: Any) -> list[str]:
    return [name for name in vars(Traced) if getattr(Tensor, name, None) is function]


def test_integers_of_their_own_become_one_sequence() -> None:
    spread = varargs(lambda x, size, *rest, **options: (size, rest, options))
    assert spread("x", 2, 3) == ((2, 3), (), {})
    assert spread("x", 2) == (2, (), {})
    assert spread("x", (2, 3), True) == ((2, 3), (True,), {})
    assert spread("x", 2, 3, True, key=1) == ((2, 3), (True,), {"key": 1})


@pytest.mark.parametrize(("dim", "rank", "counted"), [(0, 3, 0), (-1, 3, 2), (2, 3, 2), (-1, 0, 0), (0, 0, 0)])
def test_a_dimension_is_counted_from_0(dim: int, rank: int, counted: int) -> None:
    assert axis(dim, rank) == counted


@pytest.mark.parametrize(("dim", "rank"), [(3, 3), (-4, 3), (1, 0)])
def test_a_dimension_out_of_range_is_refused(dim: int, rank: int) -> None:
    with pytest.raises(IndexError, match=f"dimension {dim} .* between"):
        axis(dim, rank)


@pytest.mark.parametrize(
    ("dim", "rank", "counted"),
    [(None, 2, (0, 1)), ((), 2, (0, 1)), (-1, 2, (1,)), ((1, 0), 2, (0, 1)), (None, 0, ()), (0, 0, ())],
)
def test_a_reductions_dimensions_are_counted_in_order(dim: Any, rank: int, counted: tuple[int, ...]) -> None:
    assert dims(dim, rank) == counted


@pytest.mark.parametrize(
    "expression",
    [
        "x.unsqueeze(5)",
        "x.squeeze(2)",
        "x.select(2, 0)",
        "x.select(0, 7)",
        "x.narrow(0, 1, 7)",
        "x.narrow(0, 3, -1)",
        "x.flatten(0, 2)",
        "x.unflatten(2, (2, 2))",
        "x.movedim(0, 2)",
        "x.transpose(0, 2)",
        "x.split(2, 2)",
        "x.sum(2)",
        "x.permute(0, 2)",
        "x.take_along_dim(places, 2)",
        "b.t()",
        "x.repeat(2)",
        "x.split([1, 1])",
        "x.reshape(5, 5)",
        "x.view(torch.int64)",
        "x + w",
        "x @ x",
        "torch.cat([x, b])",
        "F.pad(b, (5, 1), mode='reflect')",
        "torch.div(x, p, rounding_mode='up')",
        "x.sum(foo=1)",
        "x.sum(out=plain)",
        "x.mul()",
        "x.mul(y, y)",
        "F.relu(x, inplace=True)",
    ],
)
def test_what_is_wrong_for_torch_or_for_us_is_refused(expression: str) -> None:
    with pytest.raises((IndexError, TypeError, ValueError, RuntimeError)) as caught:
        tape.vjp(lambda tensors: evaluate(expression, tensors), values())
    assert "Traced" not in str(caught.value)
