"""Reductions and running reductions composed of others."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tape.core.implementing import implements
from tape.core.traced import raw
from tape.ops.precision import in_float32
from tape.ops.spelling import axis, static
from tape.ops.variance import std, var


@implements(torch.prod, Tensor.prod)
def prod(x: Any, dim: int | None = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Any:
    """By halves, so that every derivative is right where factors are 0."""
    x = x if dtype is None else x.to(dtype)
    return _prod(x.reshape(-1), 0, keepdim) if dim is None else _prod(x, dim, keepdim)


def _prod(x: Any, dim: int, keepdim: bool) -> Any:
    """In float64: of equal factors, what a half is wrong by is so often doubled."""
    if not x.dtype.is_floating_point:
        return _by_halves(x, dim, keepdim)
    return _by_halves(x.to(torch.float64), dim, keepdim).to(x.dtype)


def _by_halves(x: Any, dim: int, keepdim: bool) -> Any:
    if x.ndim == 0:
        return x.clone()
    dim = axis(dim, x.ndim)
    if x.shape[dim] == 0:
        x = torch.cat([x, torch.ones((*x.shape[:dim], 1, *x.shape[dim + 1 :]), dtype=x.dtype, device=x.device)], dim)
    while x.shape[dim] > 1:
        half = x.shape[dim] // 2
        product = x.narrow(dim, 0, half) * x.narrow(dim, half, half)
        x = torch.cat([product, x.narrow(dim, 2 * half, 1)], dim) if x.shape[dim] % 2 else product
    return x if keepdim else x.squeeze(dim)


@in_float32
def _running(combine: Callable[[Any, Any], Any], x: Any, dim: int) -> Any:
    """A running reduction, each step doubling the reach of every entry."""
    if x.ndim == 0:
        return x.clone()
    size, reach = x.shape[dim], 1
    while reach < size:
        rest = combine(x.narrow(dim, reach, size - reach), x.narrow(dim, 0, size - reach))
        x = torch.cat([x.narrow(dim, 0, reach), rest], dim)
        reach *= 2
    return x


@implements(torch.cumprod, Tensor.cumprod)
def cumprod(x: Any, dim: int, *, dtype: torch.dtype | None = None) -> Any:
    return _running(torch.mul, x if dtype is None else x.to(dtype), dim)


@implements(torch.logcumsumexp, Tensor.logcumsumexp)
def logcumsumexp(x: Any, dim: int) -> Any:
    return _running(torch.logaddexp, x, dim)


@implements(torch.nansum, Tensor.nansum)
def nansum(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Any:
    return torch.sum(torch.where(torch.isnan(x), 0.0, x), dim, keepdim, dtype=dtype)


@implements(torch.nanmean, Tensor.nanmean)
def nanmean(x: Any, dim: Any = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Any:
    return _nanmean(x if dtype is None else x.to(dtype), dim, keepdim)


@in_float32
def _nanmean(x: Any, dim: Any, keepdim: bool) -> Any:
    return nansum(x, dim, keepdim) / (~torch.isnan(x)).sum(dim, keepdim)


@implements(torch.aminmax, Tensor.aminmax)
def aminmax(x: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """At a tie the cotangent is shared equally."""
    along: Any = () if dim is None else dim
    kind = torch.return_types.aminmax
    return kind((torch.amin(x, along, keepdim), torch.amax(x, along, keepdim)))


@implements(torch.var_mean)
def var_mean(
    x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    if isinstance(dim, bool):  # torch also has var_mean(x, unbiased)
        dim, unbiased = None, dim
    return var(x, dim, unbiased, keepdim, correction=correction), _mean(x, dim, keepdim)


@implements(torch.std_mean)
def std_mean(
    x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    if isinstance(dim, bool):  # torch also has std_mean(x, unbiased)
        dim, unbiased = None, dim
    return std(x, dim, unbiased, keepdim, correction=correction), _mean(x, dim, keepdim)


def _mean(x: Any, dim: Any, keepdim: bool) -> Any:
    """In float64, as torch has it beside a variance."""
    return torch.mean(x, dim, keepdim, dtype=torch.float64).to(x.dtype)


@implements(torch.msort, Tensor.msort)
def msort(x: Any) -> Any:
    return torch.sort(x, 0).values if x.ndim else x.clone()


def _chosen(x: Any, found: Any, dim: int, keepdim: bool) -> Any:
    """The entries that a search has found, with a derivative."""
    kept = keepdim or x.ndim == 0
    values = torch.gather(x, dim, found.indices if kept else found.indices.unsqueeze(dim))
    return type(found)((values if kept else values.squeeze(dim), found.indices))


@implements(torch.kthvalue, Tensor.kthvalue)
def kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    static(k=k, dim=dim)
    return _chosen(x, torch.kthvalue(raw(x), k, dim, keepdim), dim, keepdim)


@implements(torch.mode, Tensor.mode)
def mode(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    static(dim=dim)
    return _chosen(x, torch.mode(raw(x), dim, keepdim), dim, keepdim)


@implements(torch.cummax, Tensor.cummax)
def cummax(x: Any, dim: int) -> Any:
    static(dim=dim)
    return _chosen(x, torch.cummax(raw(x), dim), dim, True)


@implements(torch.cummin, Tensor.cummin)
def cummin(x: Any, dim: int) -> Any:
    static(dim=dim)
    return _chosen(x, torch.cummin(raw(x), dim), dim, True)


@implements(torch.quantile, Tensor.quantile)
def quantile(x: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """Between the sorted entries; `q` is a number or a vector of them."""
    rank = x.ndim
    if dim is None:
        x, along = x.reshape(-1), 0
    else:
        along = axis(dim, rank)
    ordered = torch.sort(x, along).values if x.ndim else x.reshape(1)
    wanted = q if isinstance(raw(q), Tensor) else torch.tensor(q, dtype=x.dtype, device=x.device)
    place = wanted.reshape(-1) * (ordered.shape[along] - 1)
    below, above = place.floor().long(), place.ceil().long()
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise ValueError(f"quantile: interpolation {interpolation!r} is not known")
    if interpolation == "nearest":
        below = above = place.round().long()
    low = torch.index_select(ordered, along, above if interpolation == "higher" else below)
    high = torch.index_select(ordered, along, below if interpolation == "lower" else above)
    part = torch.full_like(raw(place), 0.5) if interpolation == "midpoint" else place - below
    part = part.reshape((-1,) + (1,) * (ordered.ndim - 1 - along))
    found = torch.lerp(low, high, part).movedim(along, 0)
    if keepdim:
        found = found.unsqueeze(along + 1) if dim is not None and rank else found.reshape((-1,) + (1,) * rank)
    return found if wanted.ndim else found.squeeze(0)


@implements(torch.cov, Tensor.cov)
@in_float32
def cov(x: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Of variables in rows and observations in columns."""
    if fweights is not None or aweights is not None:
        raise NotImplementedError("cov: weights are not supported; repeat or scale the observations")
    rows = x.reshape(1, -1) if x.ndim < 2 else x
    centred = rows - rows.mean(1, keepdim=True)
    divisor = torch.full((), max(rows.shape[1] - correction, 0), dtype=x.dtype, device=x.device)
    return (centred @ centred.mT / divisor).squeeze()


@implements(torch.corrcoef, Tensor.corrcoef)
@in_float32
def corrcoef(x: Any) -> Any:
    covariance = cov(x)
    if covariance.ndim == 0:
        return covariance / covariance
    deviation = torch.sqrt(torch.diagonal(covariance))
    return torch.clamp(covariance / deviation.unsqueeze(1) / deviation, -1, 1)
