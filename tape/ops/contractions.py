"""Contractions of several tensors, composed of permute, reshape and matmul."""

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.implementing import implements
from tape.core.traced import raw
from tape.ops.precision import in_float32
from tape.ops.spelling import axis


def _scaled(x: Any, factor: Any) -> Any:
    return x if isinstance(factor, (int, float)) and factor == 1 else x * factor


def _plus(x: Any, product: Any, beta: Any) -> Any:
    """beta x + product; where beta is 0, x is not looked at, as in torch."""
    if isinstance(beta, (int, float)) and beta == 0:
        return product + torch.zeros_like(raw(x))
    return _scaled(x, beta) + product


@implements(torch.addmm, Tensor.addmm)
def addmm(x: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return _plus(x, torch.matmul(_scaled(mat1, alpha), mat2), beta)


@implements(torch.baddbmm, Tensor.baddbmm)
def baddbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return _plus(x, torch.matmul(_scaled(batch1, alpha), batch2), beta)


@implements(torch.addmv, Tensor.addmv)
def addmv(x: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return _plus(x, torch.matmul(_scaled(mat, alpha), vec), beta)


@implements(torch.addbmm, Tensor.addbmm)
def addbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    # One product, whose kernel adds up all: rounded one by one, those of half precision may pass its range.
    rows = batch1.permute(1, 0, 2).reshape(batch1.shape[1], -1)
    return _plus(x, torch.matmul(_scaled(rows, alpha), batch2.reshape(-1, batch2.shape[2])), beta)


@implements(torch.addr, Tensor.addr)
def addr(x: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return _plus(x, torch.outer(_scaled(vec1, alpha), vec2), beta)


@implements(torch.vdot, Tensor.vdot)
def vdot(x: Any, y: Any) -> Any:
    return torch.matmul(x, y)


@implements(torch.linalg.vecdot)
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    return torch.sum(x * y, dim)


@implements(torch.inner, Tensor.inner)
def inner(x: Any, y: Any) -> Any:
    """Over the last dimension of both; a number scales."""
    return x * y if x.ndim == 0 or y.ndim == 0 else tensordot(x, y, ([-1], [-1]))


@implements(torch.tensordot)
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Over the last `dims` dimensions of one and the first of the other, or over two lists of dimensions."""
    if isinstance(raw(dims), Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise ValueError(f"tensordot: dims must not be negative, and is {dims}")
        left, right = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        left, right = ([d] if isinstance(d, int) else list(d) for d in dims)
        left, right = [axis(d, a.ndim) for d in left], [axis(d, b.ndim) for d in right]
    sizes = [a.shape[d] for d in left], [b.shape[d] for d in right]
    if sizes[0] != sizes[1]:
        raise ValueError(f"tensordot: the sizes {sizes[0]} and {sizes[1]} of the dimensions summed over must agree")
    rows = [d for d in range(a.ndim) if d not in left]
    columns = [d for d in range(b.ndim) if d not in right]
    shape = [a.shape[d] for d in rows] + [b.shape[d] for d in columns]
    inside = math.prod(sizes[0])
    if not shape:  # torch's product of vectors sums more precisely than that of a row and a column
        return torch.matmul(a.permute(left).reshape(inside), b.permute(right).reshape(inside))
    first = a.permute(rows + left).reshape(math.prod(a.shape[d] for d in rows), inside)
    second = b.permute(right + columns).reshape(inside, math.prod(b.shape[d] for d in columns))
    return torch.matmul(first, second).reshape(shape)


@implements(torch.kron, Tensor.kron)
def kron(x: Any, y: Any) -> Any:
    rank = max(x.ndim, y.ndim)
    x = x.reshape((1,) * (rank - x.ndim) + tuple(x.shape))
    y = y.reshape((1,) * (rank - y.ndim) + tuple(y.shape))
    blocks = x.reshape([n for size in x.shape for n in (size, 1)]) * y.reshape(
        [n for size in y.shape for n in (1, size)]
    )
    return blocks.reshape([m * n for m, n in zip(x.shape, y.shape, strict=True)])


@implements(torch.linalg.multi_dot)
def multi_dot(tensors: Sequence[Any]) -> Any:
    """The product of matrices, the first and the last possibly vectors, from left to right."""
    return _product(*tensors)


@in_float32
def _product(*tensors: Any) -> Any:
    return reduce(torch.matmul, tensors)


@implements(torch.einsum)
def einsum(equation: str, *operands: Any) -> Any:
    """The sum over the letters that the output lacks, two operands at a time from left to right."""
    if not isinstance(equation, str):
        raise TypeError("einsum: write the equation as a string; lists of indices are not supported")
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    names, output = _parse(equation, [x.ndim for x in operands])
    result, held = _without_repeats(operands[0], names[0])
    for i, x in enumerate(operands[1:], start=1):
        x, letters = _without_repeats(x, names[i])
        later = {*output, *(letter for other in names[i + 1 :] for letter in other)}
        result, held = _pair(result, held, x, letters, later)
    result, held = _summed(result, held, set(output))
    return result.permute([held.index(letter) for letter in output])


def _parse(equation: str, ranks: list[int]) -> tuple[list[list[str]], list[str]]:
    """The letters of each operand and of the output; numbers stand for the dimensions of an ellipsis."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: {equation!r} is about {len(terms)} operands; {len(ranks)} were given")
    names = []
    widest = 0
    for term, rank in zip(terms, ranks, strict=True):
        before, dots, after = term.partition("...")
        spare = rank - len(before) - len(after)
        if not (before + after).replace("", "a").isalpha() or spare < 0 or (spare and not dots):
            raise ValueError(f"einsum: {term!r} in {equation!r} does not fit an operand with {rank} dimensions")
        widest = max(widest, spare)
        names.append([*before, *(str(-i) for i in range(spare, 0, -1)), *after])
    ellipsis = [str(-i) for i in range(widest, 0, -1)]
    if arrow:
        before, dots, after = output.partition("...")
        chosen = [*before, *(ellipsis if dots else []), *after]
    else:
        letters = [letter for term in names for letter in term if letter.isalpha()]
        chosen = ellipsis + sorted({letter for letter in letters if letters.count(letter) == 1})
    known = {letter for term in names for letter in term}
    if len(set(chosen)) != len(chosen) or not set(chosen) <= known:
        raise ValueError(f"einsum: the output {output!r} of {equation!r} must name letters of the operands, each once")
    return names, chosen


def _without_repeats(x: Any, letters: list[str]) -> tuple[Any, list[str]]:
    """A letter written twice means the diagonal."""
    letters = list(letters)
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"einsum: {letter!r} has the sizes {x.shape[first]} and {x.shape[second]}")
            x = torch.diagonal(x, 0, first, second)
            letters = [*letters[:first], *letters[first + 1 : second], *letters[second + 1 :], letter]
    return x, letters


def _summed(x: Any, letters: list[str], kept: set[str]) -> tuple[Any, list[str]]:
    gone = tuple(i for i, letter in enumerate(letters) if letter not in kept)
    return (x.sum(gone), [letter for letter in letters if letter in kept]) if gone else (x, letters)


def _pair(x: Any, xs: list[str], y: Any, ys: list[str], kept: set[str]) -> tuple[Any, list[str]]:
    """The contraction of two: letters of both are a batch if they are kept, summed over if not."""
    x, xs = _summed(x, xs, kept | set(ys))
    y, ys = _summed(y, ys, kept | set(xs))
    batch = [letter for letter in xs if letter in ys and letter in kept]
    inside = [letter for letter in xs if letter in ys and letter not in kept]
    left = [letter for letter in xs if letter not in ys]
    right = [letter for letter in ys if letter not in xs]
    size = dict(zip(xs, x.shape, strict=True))
    for letter, n in zip(ys, y.shape, strict=True):
        if letter in size and size[letter] != n and 1 not in (size[letter], n):
            raise ValueError(f"einsum: {letter!r} has the sizes {size[letter]} and {n}")
        size[letter] = max(size.get(letter, 1), n) if n else 0

    def arranged(z: Any, names: list[str], *groups: list[str]) -> Any:
        z = z.permute([names.index(letter) for group in groups for letter in group])
        z = z.expand([size[letter] for group in groups for letter in group])
        flat = [math.prod(size[letter] for letter in group) for group in groups[1:]]
        return z.reshape([*(size[letter] for letter in groups[0]), *flat])

    if not batch and not left and not right:
        return torch.matmul(arranged(x, xs, [], inside), arranged(y, ys, [], inside)), []
    product = torch.matmul(arranged(x, xs, batch, left, inside), arranged(y, ys, batch, inside, right))
    names = [*batch, *left, *right]
    return product.reshape([size[letter] for letter in names]), names


@implements(F.bilinear, torch.bilinear)
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    product = einsum("...i,oij,...j->...o", input1, weight, input2)
    return product if bias is None else product + bias


@implements(F.scaled_dot_product_attention)
@in_float32
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(query keyᵀ scale + mask) value; a boolean mask says where to look, and a row of none gives 0."""
    if dropout_p:
        raise NotImplementedError("scaled_dot_product_attention: dropout_p draws random numbers without a generator")
    if enable_gqa:
        key = torch.repeat_interleave(key, query.shape[-3] // key.shape[-3], -3)
        value = torch.repeat_interleave(value, query.shape[-3] // value.shape[-3], -3)
    # A power of 2 first, as what is scaled down after the product may be infinite in it; what remains is no such power,
    # and would round the query, so that equal scores of half-precision numbers differed.
    rest, exponent = math.frexp(1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    scores = _scaled(torch.matmul(query * 2.0 ** (exponent - 1), key.mT), 2 * rest)
    if is_causal:
        if attn_mask is not None:
            raise ValueError("scaled_dot_product_attention: give attn_mask or is_causal, not both")
        before = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = torch.where(before, scores, -math.inf)  # each row sees at least the first
    if attn_mask is None:
        return torch.matmul(torch.softmax(scores, -1), value)
    if raw(attn_mask).is_floating_point():
        scores = scores + attn_mask
        seen = torch.isfinite(raw(scores))
    else:
        seen = attn_mask.expand(scores.shape)
    some = seen.any(-1, keepdim=True)
    product = torch.matmul(torch.softmax(torch.where(seen | ~some, scores, -math.inf), -1), value)
    return torch.where(some, product, 0.0)  # here, and not in the weights, which are as many as all pairs
