"""The property of half precision: in float16 and in bfloat16 a function and its derivative keep the digits they can.

What they can is told by float64 at the same rounded numbers: a result may be off by some units in the last place
of its largest entry, a cotangent of the largest of all, and by some times what it changes by when each input and
cotangent moves by half a unit. Where the function itself, unrecorded, loses more in the dtype, nothing is asked of its
derivative there.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tape.verify.properties.rounding import steps_change
from tape.verify.trial import Trial, is_real
from tape.verify.violation import Violation

__all__ = ["agrees_in_half_precision"]

_TIMES = 8.0  # what a result changes by when all that goes in is rounded once more
_NO_KERNEL = ("not implemented for", "Low precision dtypes not supported", "Unsupported dtype")


def agrees_in_half_precision(trial: Trial, tolerance: float) -> str | None:
    """`tolerance` is in units in the last place."""
    if not trial.wide:
        return "its results are not in float64"
    # One of the two on each call, for the sake of time.
    return _agrees(trial, (torch.float16, torch.bfloat16)[trial.call.seed % 2], tolerance)


def _agrees(trial: Trial, dtype: torch.dtype, units: float) -> str | None:
    name = str(dtype).removeprefix("torch.")
    narrow = trial.with_inputs([x.to(dtype) for x in trial.inputs])
    if not all(bool(x.isfinite().all()) for x in narrow.inputs):
        return f"its numbers are too large for {name}"
    wide = trial.with_inputs([x.to(torch.float64) for x in narrow.inputs])
    try:
        plain = narrow.f(*narrow.inputs)
        given = [None if c is None else c.to(y.dtype) for c, y in zip(trial.cotangents, narrow.outputs, strict=True)]
        pulled = narrow.pull(given)
    except (RuntimeError, NotImplementedError) as error:
        if any(text in str(error) for text in _NO_KERNEL):
            return f"torch has no kernel for {name}"
        raise
    back = [None if c is None else c.to(torch.float64) for c in given]
    moved = wide.with_inputs(_moved(wide.inputs, dtype, trial.generator))
    pulled_right = wide.pull(back)
    right = [*wide.outputs, *pulled_right]
    other = [*moved.outputs, *moved.pull(_moved(back, dtype, trial.generator))]
    # What a step inside rounds away may reach every cotangent, a small one beside a large one too.
    scales = [*map(_scale, wide.outputs), *[max(map(_scale, pulled_right), default=0.0)] * len(pulled_right)]
    allowed = [_allowed(y, z, s, dtype, units) for y, z, s in zip(right, other, scales, strict=True)]
    if any(_error(*three[:2]) > three[2] for three in zip(plain, right, allowed, strict=False)):
        return f"the function itself, unrecorded, is not accurate in {name}"
    given_back = [*narrow.outputs, *pulled]
    if any(_error(*three[:2]) > three[2] for three in zip(given_back, right, allowed, strict=True)):
        inside = steps_change(wide, lambda at: [*at.outputs, *at.pull(back)], torch.finfo(dtype).eps)
        allowed = [most + _TIMES * change for most, change in zip(allowed, inside, strict=True)]
    for i, (got, expected, most) in enumerate(zip(given_back, right, allowed, strict=True)):
        if _error(got, expected) > most:
            raise Violation(f"the {'value' if i < len(plain) else 'cotangent'} in {name}", expected, got)
    return None


def _moved(values: Sequence[Any], dtype: torch.dtype, generator: torch.Generator) -> list[Any]:
    """Each number half a unit in its last place larger or smaller."""
    half = torch.finfo(dtype).eps / 2
    return [
        None if x is None else x * (1 + half * (2.0 * torch.randint(0, 2, x.shape, generator=generator).to(x) - 1))
        for x in values
    ]


def _scale(x: Any) -> float:
    """The largest finite entry."""
    return float(torch.where(x.isfinite(), x, 0).abs().max()) if is_real(x) and x.numel() else 0.0


def _allowed(right: Any, moved: Any, scale: float, dtype: torch.dtype, units: float) -> float:
    if not is_real(right) or not right.numel():
        return 0.0
    info = torch.finfo(dtype)
    change = float(torch.nan_to_num((right - moved).abs(), nan=0.0).max())
    return units * max(info.eps * scale, info.smallest_normal * info.eps) + _TIMES * change


def _error(got: Any, right: Any) -> float:
    """The largest error at entries that the dtype can hold; infinite where one of them is lost."""
    if not is_real(right) or not right.numel():
        return 0.0
    if not isinstance(got, Tensor) or got.shape != right.shape:
        return float("inf")
    goal = right.to(got.dtype)
    error = torch.where(goal.isfinite(), (got.to(torch.float64) - goal.to(torch.float64)).abs(), 0.0)
    return float(torch.nan_to_num(error, nan=float("inf")).max())
