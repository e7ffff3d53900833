"""Norms, distances and the losses made of them, in float32 for half precision.

At 0 a norm has the derivative 0, as in torch."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import Traced, raw
from tape.ops.losses import reduced
from tape.ops.precision import in_float32
from tape.ops.spelling import axes, axis

Dims = Any  # an integer, a sequence of them, or None


@op(
    case(real("a b", distinct=True), dim=((0,), (1,), (0, 1)), sizes={"a": (1, 3), "b": (1, 3)}).at(
        [[0.0, 0.0]], gives=[[0.0, 0.0]], dim=(1,)
    )
)
def euclidean_norm(x: Tensor, *, dim: tuple[int, ...]) -> Tensor:
    """The root of the sum of the squares; the dimensions stay, at size 1."""
    return torch.sqrt(torch.sum(torch.square(x), dim, keepdim=True))


# Divided before anything is multiplied: the direction is of order 1 where squares of the length are out of range.
euclidean_norm.defvjp(x=lambda g, x, ans: g * (x / torch.where(ans == 0, math.inf, ans)))


@op(
    case(
        real("a b", kinks=(0.0,)),
        ord=(0.5, 3.0, -1.5),
        dim=((0,), (1,), (0, 1)),
        sizes={"a": (1, 3), "b": (1, 3)},
    )
    .at([[0.0, -2.0]], gives=[[0.0, -1.0]], ord=3.0, dim=(1,))
    .at([[0.0, -2.0]], gives=[[0.0, 0.0]], ord=-1.5, dim=(1,))
)
def power_norm(x: Tensor, *, ord: float, dim: tuple[int, ...]) -> Tensor:
    """(sum |x|^ord)^(1 / ord); the dimensions stay, at size 1. At an entry of 0 the derivative is 0."""
    return torch.sum(torch.abs(x) ** ord, dim, keepdim=True) ** (1 / ord)  # twice as fast as torch's own norm


def _by_share(g: Any, x: Any, ans: Any, ord: float) -> Any:
    zero = (x == 0) | (ans == 0)
    share = torch.where(zero, 1.0, torch.abs(x)) / torch.where(ans == 0, 1.0, ans)
    return torch.where(zero, 0.0, g * torch.sign(x) * share ** (ord - 1))


power_norm.defvjp(x=_by_share)


@op(
    case(
        real("a b", distinct=True, kinks=(0.0,)),
        ord=(math.inf, -math.inf),
        dim=((0,), (1,), (0, 1)),
        sizes={"a": (1, 3), "b": (1, 3)},
    ).at([[1.0, -2.0, 2.0]], gives=[[0.0, -0.5, 0.5]], ord=math.inf, dim=(1,))
)
def extreme_norm(x: Tensor, *, ord: float, dim: tuple[int, ...]) -> Tensor:
    """The largest |x| or the smallest; the dimensions stay, at size 1. Of equal ones each has its share."""
    return (torch.amax if ord > 0 else torch.amin)(torch.abs(x), dim, keepdim=True)


def _shared(g: Any, x: Any, ans: Any, dim: tuple[int, ...]) -> Any:
    found = (torch.abs(x) == ans).to(x.dtype)
    return g / torch.sum(found, dim, keepdim=True) * torch.sign(x) * found


extreme_norm.defvjp(x=_shared)


@implements(torch.linalg.vector_norm)
def vector_norm(
    x: Any, ord: Any = 2, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Any:
    """(sum |x|^ord)^(1 / ord); the largest entry for inf, the smallest for -inf, the number of nonzero ones for 0.

    Of equal extremes each has its share of the cotangent. The derivative at 0 is 0.
    """
    return _vector_norm(x if dtype is None else x.to(dtype), ord, dim, keepdim)


@in_float32
def _vector_norm(x: Any, ord: Any, dim: Dims, keepdim: bool) -> Any:
    dim = () if dim is None else dim
    if type(ord) is Traced:  # of the special cases only the value is theirs
        return _traced_power_norm(x, ord, None if dim == () else dim, keepdim)
    if ord == 0:
        return torch.linalg.vector_norm(raw(x), 0, None if dim == () else dim, keepdim)
    if ord == 1:
        return torch.sum(torch.abs(x), dim, keepdim)
    along = axes(dim, x.ndim)
    if ord == 2:
        length = euclidean_norm(x, dim=along)
    elif math.isinf(ord):
        length = extreme_norm(x, ord=ord, dim=along)
    else:
        length = power_norm(x, ord=ord, dim=along)
    return length if keepdim else length.squeeze(along)


def _traced_power_norm(x: Any, ord: Any, dim: Any, keepdim: bool) -> Any:
    size = torch.abs(x)
    zero = size == 0
    powers = torch.where(zero, 0.0 if ord > 0 else math.inf, torch.where(zero, 1.0, size) ** ord)
    total = torch.sum(powers, dim, keepdim)
    regular = (total > 0) & torch.isfinite(total) if ord < 0 else total > 0
    return torch.where(regular, torch.where(regular, total, 1.0) ** (1 / ord), total if ord > 0 else 1 / total)


@implements(torch.linalg.matrix_norm)
def matrix_norm(
    x: Any,
    ord: Any = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> Any:
    """ "fro", or 1, -1, inf, -inf: the largest or smallest sum of a column's or a row's absolute values."""
    return _matrix_norm(x if dtype is None else x.to(dtype), ord, dim, keepdim)


@in_float32
def _matrix_norm(x: Any, ord: Any, dim: Sequence[int], keepdim: bool) -> Any:
    rows, columns = (axis(d, x.ndim) for d in dim)
    if rows == columns:
        raise ValueError(f"matrix_norm: dim must name two dimensions, and is {tuple(dim)}")
    if ord == "fro":
        return vector_norm(x, 2, (rows, columns), keepdim)
    if type(ord) is Traced or ord not in (1, -1, math.inf, -math.inf):
        raise NotImplementedError(f"matrix_norm: ord={ord!r} needs singular values, which have no rule")
    along, other = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = vector_norm(x, 1, along, True)
    norm = torch.amax(sums, other, True) if ord > 0 else torch.amin(sums, other, True)
    return norm if keepdim else norm.squeeze((rows, columns))


@implements(torch.linalg.norm)
def linalg_norm(
    x: Any, ord: Any = None, dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Any:
    """The 2-norm of all entries without `ord`, else a vector's norm along one dimension, a matrix's in two."""
    places = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if ord is None:
        return vector_norm(x, 2, places, keepdim, dtype=dtype)
    if places is None:
        if x.ndim not in (1, 2):
            raise ValueError(f"linalg.norm: with ord and no dim, x has 1 or 2 dimensions, not {x.ndim}")
        places = tuple(range(x.ndim))
    if len(places) == 1 and not isinstance(ord, str):
        return vector_norm(x, ord, places, keepdim, dtype=dtype)
    if len(places) != 2:
        raise ValueError(f"linalg.norm: ord={ord!r} cannot be taken over the dimensions {places}")
    return matrix_norm(x, ord, places, keepdim, dtype=dtype)


@implements(torch.norm, Tensor.norm)
def norm(x: Any, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: torch.dtype | None = None) -> Any:
    """A vector's norm, over all dimensions or some; "fro" is the 2-norm."""
    if p == "nuc":
        raise NotImplementedError("norm: p='nuc' needs singular values, which have no rule")
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm: p is a number or 'fro', not {p!r}")
    return vector_norm(x, 2 if p is None or p == "fro" else p, dim, keepdim, dtype=dtype)


@implements(torch.dist, Tensor.dist)
@in_float32
def dist(x: Any, y: Any, p: float = 2) -> Any:
    return vector_norm(x - y, p)


@op(case(real("... a k"), real("... b k")))
def differences(x1: Tensor, x2: Tensor) -> Tensor:
    """Of each row of one and each row of the other: made again where a rule asks, as they are many times the rows."""
    return x1.unsqueeze(-2) - x2.unsqueeze(-3)


differences.defvjp(
    x1=lambda g, x1_like: g.sum(-2).sum_to_size(x1_like.shape),
    x2=lambda g, x2_like: -g.sum(-3).sum_to_size(x2_like.shape),
)
differences.keep_recipe()


@implements(torch.cdist)
@in_float32
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """The distance of each row of one to each row of the other. How it is computed is not chosen by
    `compute_mode`, which is a hint: always from the differences."""
    return vector_norm(differences(x1, x2), p, -1)


@implements(F.pairwise_distance, torch.pairwise_distance)
@in_float32
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


@implements(F.normalize)
@in_float32
def normalize(input: Any, p: float = 2.0, dim: Dims = 1, eps: float = 1e-12) -> Any:
    return input / torch.clamp(vector_norm(input, p, dim, True), min=eps)


@implements(F.cosine_similarity, torch.cosine_similarity)
@in_float32
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The product of the directions; a length below eps counts as eps and has no derivative."""
    x1, x2 = torch.broadcast_tensors(x1, x2)
    return torch.sum(_direction(x1, dim, eps) * _direction(x2, dim, eps), dim)


def _direction(x: Any, dim: int, eps: float) -> Any:
    length = vector_norm(x, 2, dim, True)
    return x / torch.where(length > eps, length, eps)


@implements(F.cosine_embedding_loss)
def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0, reduction: str = "mean") -> Any:
    """1 less the cosine where the target is 1, the cosine above the margin where it is -1, 0 elsewhere."""
    loss = _by_cosine(input1, input2, target == 1, target == -1, margin)
    return reduced("cosine_embedding_loss", loss, reduction)


@in_float32
def _by_cosine(input1: Any, input2: Any, near: Any, far: Any, margin: float) -> Any:
    dot = torch.sum(input1 * input2, -1)
    squares = (torch.sum(input1 * input1, -1) + 1e-12) * (torch.sum(input2 * input2, -1) + 1e-12)
    cosine = dot / torch.sqrt(squares)
    return torch.where(near, 1 - cosine, torch.where(far, hinge(cosine - margin), 0.0))


def hinge(x: Any) -> Any:
    """The positive part; the derivative at 0 is 1, as torch's losses have it."""
    return torch.clamp(x, min=0)


@implements(F.hinge_embedding_loss)
def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """x where the target is 1, the part below the margin where it is -1."""
    near = torch.where(target == -1, 0.0, input)
    far = torch.where(target == 1, 0.0, hinge(margin - input))
    return reduced("hinge_embedding_loss", near + far, reduction)


@implements(F.margin_ranking_loss)
@in_float32
def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0, reduction: str = "mean") -> Any:
    return reduced("margin_ranking_loss", hinge(-target * (input1 - input2) + margin), reduction)


@implements(F.triplet_margin_loss)
@in_float32
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """With `swap` the negative's distance is the nearer of those to anchor and positive."""
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: the margin must be positive, and is {margin}")
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = torch.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced("triplet_margin_loss", hinge(margin + near - far), reduction)
