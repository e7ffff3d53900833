"""The numbers that an example is tried on: every magnitude that a dtype has, in patterns that are hard."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.core.domain import Boolean, Integer, Real
from tape.verify.ranges.example import Example, Symmetric, shape_of

__all__ = ["PATTERNS", "Point", "drawn", "magnitudes", "points"]

# How the entries of a tensor lie around a magnitude.
PATTERNS = ("mixed", "equal", "spread", "near", "rows", "outlier")
_ALONE = ("mixed", "outlier")
_BETWEEN = (1e-8, 1e-6, 1e-4, 1e-2, 0.3, 1.0, 5.0, 20.0, 100.0, 300.0, 1e4, 1e7)
# Where most of what can go wrong in a dtype goes wrong.
_FEW = (
    (0.0, "equal"),
    (1e-3, "mixed"),
    (0.01, "rows"),
    (20.0, "equal"),
    (300.0, "mixed"),
    (1e4, "equal"),
    (math.inf, "mixed"),
)


class Point(NamedTuple):
    """Where an example is tried. `alone` is the place of the one tensor that is scaled, None for all of them."""

    magnitude: float
    pattern: str
    alone: int | None = None

    def __str__(self) -> str:
        which = "" if self.alone is None else f", tensor {self.alone} alone"
        return f"{self.pattern} numbers of {self.magnitude:.3g}{which}"


def magnitudes(dtype: torch.dtype) -> list[float]:
    """Magnitudes from 0 and the smallest subnormal number to a quarter of the largest one.

    >>> magnitudes(torch.float16)[:2], magnitudes(torch.float16)[-1]
    ([0.0, 5.960464477539063e-08], 16376.0)
    """
    info = torch.finfo(dtype)
    subnormal = info.smallest_normal * info.eps
    ends = (subnormal, info.tiny, math.sqrt(info.tiny), math.sqrt(info.max), info.max / 4)
    return [0.0, *sorted({m for m in (*ends, *_BETWEEN) if subnormal <= m <= info.max / 4})]


def points(example: Example, dtype: torch.dtype, few: bool = False) -> Iterator[Point]:
    """All points at which an example is tried in a dtype: with all its tensors scaled, and each alone."""
    if few:
        yield from (Point(min(size, torch.finfo(dtype).max / 4), pattern) for size, pattern in _FEW)
        return
    reals = [spec for spec in example.specs() if isinstance(spec, Real)]
    count = sum(spec.high == math.inf for spec in reals)
    large = any(math.prod(shape_of(spec)) > 10_000 for spec in reals)
    for magnitude in magnitudes(dtype):
        for pattern in ("mixed", "equal") if large else PATTERNS:
            yield Point(magnitude, pattern)
            if count > 1 and pattern in _ALONE:
                yield from (Point(magnitude, pattern, alone) for alone in range(count))


def drawn(example: Example, point: Point, dtype: torch.dtype, seed: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments and options of one call; the same seed draws the same."""
    generator = torch.Generator().manual_seed(seed)
    place = iter(range(1_000))
    limit = torch.finfo(dtype).max

    def value(spec: Any) -> Any:
        if isinstance(spec, Integer):
            assert isinstance(spec.below, int)
            return torch.randint(0, spec.below, shape_of(spec), generator=generator)
        if isinstance(spec, Boolean):
            return torch.rand(shape_of(spec), generator=generator) < 0.5
        if not isinstance(spec, Real):
            return spec
        if spec.high != math.inf and spec.low != 0.0 and spec.low != -math.inf:
            unit = torch.rand(shape_of(spec), generator=generator, dtype=torch.float64)
            return (spec.low + (spec.high - spec.low) * unit).to(dtype)
        scaled = spec.high != math.inf or point.alone is None or next(place) == point.alone
        at = point if scaled else Point(1.0, "mixed")
        # A diagonal is some times the magnitude: infinite, it would be no number of the range.
        return _numbers(spec, at, generator).clamp(-limit, limit).to(dtype)

    args, options = tree.map(value, (example.args, example.options))
    return args, options


def _numbers(spec: Real, point: Point, generator: torch.Generator) -> Tensor:
    shape, size = shape_of(spec), point.magnitude
    unit = 0.5 + 0.5 * torch.rand(shape, generator=generator, dtype=torch.float64)
    sign = 2.0 * torch.randint(0, 2, shape, generator=generator) - 1.0
    values = {
        "mixed": sign * unit,
        "equal": torch.ones_like(unit),
        "spread": sign * 10.0 ** (-12.0 * (2.0 * unit - 1.0)),
        "near": 1.0 + 0.01 * sign * unit,
        "rows": (sign * unit)[..., :1].expand(shape) if shape else unit,
        "outlier": torch.where(torch.arange(unit.numel()).reshape(shape) == unit.numel() // 2, 1.0, 1e-3 * unit),
    }[point.pattern]
    values = size * values
    if isinstance(spec, Symmetric):
        values = (values + values.mT) / 2
    if spec.diagonal:
        values = values + spec.diagonal * size * torch.eye(shape[-1], dtype=torch.float64)
    if spec.low == 0.0:
        values = values.abs()
        if spec.high != math.inf:  # half of them near the one end, half near the other
            values = values.clamp(max=spec.high)
            values = torch.where(sign > 0, values, spec.high - values)
    return values
