"""The property of float32: it agrees with float64, as far as the function itself can be computed in float32."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tape.verify.properties.rounding import Of, expect_close_to_rounding
from tape.verify.trial import Trial, is_real

__all__ = ["agrees_in_float32", "reals"]

_FLOAT32 = torch.finfo(torch.float32)


def agrees_in_float32(trial: Trial, tolerance: float) -> str | None:
    if not trial.wide:
        return "its results are not in float64"
    if any(bool(_beyond(x).any() or ((x != 0) & (x.abs() < _FLOAT32.tiny)).any()) for x in trial.inputs):
        return "its numbers are beyond float32's range"
    narrow = trial.with_inputs([x.to(torch.float32) for x in trial.inputs])
    wide = trial.with_inputs([x.to(torch.float64) for x in narrow.inputs])
    given = [None if c is None else c.to(y.dtype) for c, y in zip(trial.cotangents, narrow.outputs, strict=True)]
    back = [None if c is None else c.to(torch.float64) for c in given]
    values, expected = reals(narrow.outputs, wide.outputs)
    pulled = wide.pull(back)
    if any(bool(_beyond(x).any()) for x in (*expected, *pulled) if isinstance(x, Tensor)):
        return "its values are beyond float32's range"
    own, _ = reals(narrow.f(*narrow.inputs), wide.outputs)
    lost = 0.0 if trial.strict else _lost(own, expected)
    if not lost < torch.inf:
        return "the function itself overflows in float32"
    of_values: Of = lambda at: reals(at.outputs, at.outputs)[0]
    of_cotangents: Of = lambda at: at.pull(back)
    got = narrow.pull(given)
    expect_close_to_rounding("the value in float32", values, expected, tolerance + lost, wide, of_values, _FLOAT32.eps)
    expect_close_to_rounding(
        "the cotangent in float32", got, pulled, tolerance + 8 * lost, wide, of_cotangents, _FLOAT32.eps
    )
    return None


def reals(got: Sequence[Any], expected: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    kept = [i for i, y in enumerate(expected) if is_real(y)]
    return [got[i] for i in kept], [expected[i] for i in kept]


def _beyond(x: Tensor) -> Tensor:
    return x.isfinite() & (x.abs() > _FLOAT32.max)


def _lost(own: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """What share of its values the function, unrecorded, loses in float32; nothing where that is rounding's share."""
    lost = 0.0
    for y, e in zip(own, expected, strict=True):
        finite = e.isfinite()
        if bool(finite.any()):
            wrong = (y.to(torch.float64) - e)[finite].abs().max()
            share = float(wrong / e[finite].abs().max()) if wrong > 0 else 0.0
            lost = max(lost, torch.inf if share != share else share)
    return lost if lost > 32 * _FLOAT32.eps else 0.0
