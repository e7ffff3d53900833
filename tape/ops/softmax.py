"""Softmax and its kin."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.implementing import implements
from tape.core.registry import op
from tape.ops.precision import in_float32
from tape.ops.reductions import along_one


@op(along_one)
def softmax_along(x: Tensor, dim: int) -> Tensor:
    return torch.softmax(x, dim)


@op(along_one)
def log_softmax_along(x: Tensor, dim: int) -> Tensor:
    return torch.log_softmax(x, dim)


@in_float32
def _softmax(g: Any, ans: Any, dim: int) -> Any:
    return (g - torch.sum(g * ans, dim, True)) * ans


@in_float32
def _log_softmax(g: Any, ans: Any, dim: int) -> Any:
    return g - torch.exp(ans) * torch.sum(g, dim, True)


softmax_along.defvjp(x=_softmax)
log_softmax_along.defvjp(x=_log_softmax)


@implements(torch.softmax, Tensor.softmax, torch.special.softmax)
def softmax(x: Any, dim: int, dtype: torch.dtype | None = None) -> Any:
    return softmax_along(x if dtype is None else x.to(dtype), dim)


@implements(torch.log_softmax, Tensor.log_softmax, torch.special.log_softmax)
def log_softmax(x: Any, dim: int, dtype: torch.dtype | None = None) -> Any:
    return log_softmax_along(x if dtype is None else x.to(dtype), dim)


@implements(F.softmax)
def functional_softmax(input: Any, dim: int | None = None, dtype: torch.dtype | None = None) -> Any:
    return softmax(input, _chosen("softmax", dim), dtype)


@implements(F.log_softmax)
def functional_log_softmax(input: Any, dim: int | None = None, dtype: torch.dtype | None = None) -> Any:
    return log_softmax(input, _chosen("log_softmax", dim), dtype)


@implements(F.softmin)
def softmin(input: Any, dim: int | None = None, dtype: torch.dtype | None = None) -> Any:
    return softmax(-input, _chosen("softmin", dim), dtype)


def _chosen(name: str, dim: int | None) -> int:
    if dim is None:
        raise ValueError(f"{name}: give the dimension, dim=-1 for the last; torch's guess without one is deprecated")
    return dim
