"""Half precision: what an update is calculated in, and what a state is kept in.

The squares of float16 gradients below 2e-4 are zero and those above 255 infinite, `eps` is zero beside them, and a
running mean in bfloat16 stands still where a step changes it by less than 1/256. So the state of a half-precision
parameter is in float32, and so is all that is calculated; the update is rounded once, to the parameter's dtype.
"""

from typing import Any

import torch

__all__ = ["HALF", "narrowed", "wide", "widened"]

HALF = (torch.float16, torch.bfloat16)


def wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which parameters of `dtype` are updated.

    >>> wide(torch.bfloat16), wide(torch.float64)
    (torch.float32, torch.float64)
    """
    return torch.float32 if dtype in HALF else dtype


def widened(x: Any) -> Any:
    """x in the dtype in which it is calculated with."""
    return x.float() if x.dtype in HALF else x


def narrowed(x: Any, param: Any) -> Any:
    """x in the dtype of the parameter that it belongs to."""
    return x if x.dtype == param.dtype else x.to(param.dtype)
