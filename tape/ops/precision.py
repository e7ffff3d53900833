"""Half precision, computed in float32 where its own range or rounding would spoil what lies in between."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from tape import tree
from tape.core.traced import Traced

__all__ = ["in_float32", "is_half"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_HALVES = (torch.float16, torch.bfloat16)


def in_float32(f: Callable[_P, _R]) -> Callable[_P, _R]:
    """A composite that computes in float32 where its tensors are in half precision, and returns their dtype.

    Torch's kernels do so inside: a square, a sum or an exponential in between may be beyond half precision's range,
    or be rounded too early. Where the arguments that are tensors are wider, or differ in dtype, `f` is called as it is.

    >>> import torch
    >>> length = in_float32(lambda x: (x * x).sum().sqrt())
    >>> length(torch.tensor([300.0, 400.0], dtype=torch.float16))
    tensor(500., dtype=torch.float16)
    """

    @wraps(f)
    def widened(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        half = _common_half((*args, *kwargs.values()) if kwargs else args)
        if half is None:
            return f(*args, **kwargs)
        wide_args: Any = map(_wide, args)
        wide_kwargs: Any = {name: _wide(x) for name, x in kwargs.items()}
        return tree.map(  # type: ignore[no-any-return]
            lambda y: y.to(half) if _is_tensor(y) and y.dtype is torch.float32 else y, f(*wide_args, **wide_kwargs)
        )

    return widened


def is_half(x: Any) -> bool:
    """Whether it is a tensor or traced value of float16 or bfloat16."""
    return _is_tensor(x) and x.dtype in _HALVES


def _wide(x: Any) -> Any:
    return x.to(torch.float32) if is_half(x) else x


def _is_tensor(x: Any) -> bool:
    return isinstance(x, (Tensor, Traced))


def _common_half(arguments: tuple[Any, ...]) -> torch.dtype | None:
    """The one half precision that all floating-point tensors have, if it is so."""
    found: torch.dtype | None = None
    for x in arguments:
        if not _is_tensor(x) or not x.dtype.is_floating_point:
            continue
        if x.dtype not in _HALVES or found not in (None, x.dtype):
            return None
        found = x.dtype
    return found
