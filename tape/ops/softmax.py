"""Softmax and its kin, from exp and logsumexp."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.implementing import implements


@implements(torch.softmax, Tensor.softmax, torch.special.softmax)
def softmax(x: Any, dim: int, dtype: torch.dtype | None = None) -> Any:
    return torch.exp(log_softmax(x, dim, dtype))


@implements(torch.log_softmax, Tensor.log_softmax, torch.special.log_softmax)
def log_softmax(x: Any, dim: int, dtype: torch.dtype | None = None) -> Any:
    x = x if dtype is None else x.to(dtype)
    return x - torch.logsumexp(x, dim, True)


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
