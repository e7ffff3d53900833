"""Hypothesis strategies that draw calls of an op from its domain."""

from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor

from tape.domain import Boolean, Case, Domain, Integer, Real

__all__ = ["Call", "calls"]

_MARGIN = 0.02  # the distance that is kept from kinks and ties, far beyond a finite difference's step
_ANY_SIZE = (0, 3)


class Call(NamedTuple):
    """Arguments for one call of an op."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@st.composite
def calls(draw: st.DrawFn, domain: Domain, dtype: torch.dtype = torch.float64) -> Call:
    """Draws a case of a domain, the sizes of its dimensions, its options and its tensors."""
    case = draw(st.sampled_from(domain))
    options = {name: draw(st.sampled_from(choices)) for name, choices in case.options.items()}
    drawing = _Drawing(draw, case, dtype)
    args = tuple(drawing.value(arg) for arg in case.args)
    return Call(args, {name: drawing.value(option) for name, option in options.items()})


class _Drawing:
    """One call being drawn: the sizes that names stand for, and the generator of the numbers."""

    def __init__(self, draw: st.DrawFn, case: Case, dtype: torch.dtype) -> None:
        self.draw = draw
        self.case = case
        self.dtype = dtype
        self.sizes: dict[str, int] = {}
        self.generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1), label="seed"))
        self.leading = draw(st.lists(st.integers(*_ANY_SIZE), max_size=2), label="leading sizes")

    def value(self, spec: Any) -> Any:
        if isinstance(spec, Real):
            return self._real(spec)
        if isinstance(spec, Integer):
            below = self._size(spec.below) if isinstance(spec.below, str) else spec.below
            low = -below if spec.negative else 0
            return torch.randint(low, max(below, 1), self._shape(spec.shape), generator=self.generator)
        if isinstance(spec, Boolean):
            return torch.rand(self._shape(spec.shape), generator=self.generator) < 0.5
        if isinstance(spec, (tuple, list)) and any(isinstance(part, Real) for part in spec):
            return type(spec)(self.value(part) for part in spec)
        return spec

    def _real(self, spec: Real) -> Tensor:
        shape = self._shape(spec.shape)
        unit = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        if spec.distinct:
            order = torch.randperm(unit.numel(), generator=self.generator).reshape(shape)
            unit = (order + 0.25 + 0.5 * unit) / max(unit.numel(), 1)
        values = spec.low + (spec.high - spec.low) * unit
        for kink in spec.kinks:
            side = torch.where(values < kink, -1.0, 1.0)
            values = torch.where((values - kink).abs() < _MARGIN, kink + side * _MARGIN, values)
        if spec.diagonal:
            values = values + spec.diagonal * torch.eye(*shape[-2:], dtype=torch.float64)
        return values.to(self.dtype)

    def _shape(self, spec: str) -> tuple[int, ...]:
        names = spec.split()
        leading: list[int] = []
        if "..." in names:
            # Each tensor keeps, stretches or leaves out leading dimensions, so that all broadcast together.
            kept = self.draw(st.integers(0, len(self.leading)), label="rank")
            leading = [
                self.draw(st.sampled_from([size, 1]), label="size") for size in self.leading[len(self.leading) - kept :]
            ]
        return (
            *leading,
            *(int(name) if name.isdigit() else self._size(name) for name in names if name != "..."),
        )

    def _size(self, name: str) -> int:
        if name not in self.sizes:
            self.sizes[name] = self.draw(st.integers(*self.case.sizes.get(name, _ANY_SIZE)), label=name)
        return self.sizes[name]
