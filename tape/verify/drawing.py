"""Hypothesis strategies that draw calls: of an op from its domain, or of any function around one example."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from hypothesis import strategies as st
from torch import Tensor

from tape import tree
from tape.core.domain import Boolean, Case, Domain, Integer, Real
from tape.verify.trial import Call

__all__ = ["Call", "Sizing", "away", "calls", "calls_of", "variations"]

# Sizes as declared, and broadcasting; 0 where that is declared; 1 where that is declared; none of these edges.
Sizing = Literal["any", "empty", "ones", "plain"]

_MARGIN = 0.02  # the distance that is kept from kinks and ties, far beyond a finite difference's step
_ANY_SIZE = (0, 3)
_FEW = 40
_SEEDS = st.integers(0, 2**32 - 1)


def calls(domain: Domain, dtype: torch.dtype = torch.float64, sizing: Sizing = "any") -> st.SearchStrategy[Call]:
    """Calls of any case of a domain."""
    return st.sampled_from(domain).flatmap(lambda case: calls_of(case, dtype, sizing))


@st.composite
def calls_of(draw: st.DrawFn, case: Case, dtype: torch.dtype = torch.float64, sizing: Sizing = "any") -> Call:
    """Calls of one case: the sizes of its dimensions, its options and its tensors are drawn."""
    options = {name: draw(st.sampled_from(choices)) for name, choices in case.options.items()}
    drawing = _Drawing(draw, case, dtype, sizing)
    args = tuple(drawing.value(arg) for arg in case.args)
    kwargs = {name: drawing.value(option) for name, option in options.items()}
    return Call(args, kwargs, drawing.seed, tied=drawing.tied)


_APART = 1e4  # times its smallest entry, the largest of a tensor whose entries have scales of their own


@st.composite
def variations(draw: st.DrawFn, example: Sequence[Any], kinks: Sequence[float] = (), ties: bool = False) -> Call:
    """Calls like one example: its floating-point tensors get other numbers, and all else stays.

    The numbers of a tensor lie between the smallest and the largest that it has in the example; where these are
    the same number c, between c/2 and 3c/2, or -1 and 1 for zeros; where they are of very different sizes, each c
    has its own such range. They keep away from `kinks`; with `ties` no
    two numbers of the call are equal.
    """
    seed = draw(_SEEDS, label="seed")
    generator = torch.Generator().manual_seed(seed)
    leaves, treedef = tree.flatten(tuple(example))
    total = sum(x.numel() for x in leaves if _is_real(x))
    order = torch.randperm(total, generator=generator)
    # Numbers of few digits read well in a message, but many of them add up to exact zeros inside a network.
    coarse = draw(st.booleans(), label="coarse") and not ties and total <= _FEW
    values, first = [], 0
    for x in leaves:
        if _is_real(x):
            low, high = _range(x)
            unit = torch.rand(x.shape, generator=generator, dtype=torch.float64)
            if ties:
                # The whole call's numbers take places in one order, so that those of different tensors differ too.
                place = order[first : first + x.numel()].reshape(x.shape)
                unit, first = (place + 0.25 + 0.5 * unit) / total, first + x.numel()
            drawn = low + (high - low) * unit
            if _mixed(x) and not ties:
                values.append(away(x.detach().to(torch.float64).cpu() * (0.5 + unit), kinks).to(x.device))
                continue
            x = away(_rounded(drawn, low, high) if coarse else drawn, kinks).to(x.device)
        values.append(x)
    return Call(tree.unflatten(treedef, values), {}, seed, tied=ties)


def away(values: Tensor, kinks: Sequence[float]) -> Tensor:
    """The values, those near a kink moved to a small distance from it."""
    for kink in kinks:
        side = torch.where(values < kink, -1.0, 1.0)
        values = torch.where((values - kink).abs() < _MARGIN, kink + side * _MARGIN, values)
    return values


def _rounded(values: Tensor, low: float, high: float) -> Tensor:
    """Numbers of few digits, which read well in a message, where the range has room for them."""
    digits = 1 - math.floor(math.log10(high - low)) if high > low else 0
    rounded = torch.round(values, decimals=digits)
    return torch.where((rounded >= low) & (rounded <= high), rounded, values)


def _mixed(x: Tensor) -> bool:
    """Whether its entries are so far apart that a number which suits one says nothing of another."""
    size = x.detach().abs()
    size = size[size > 0]
    return 0 < size.numel() <= _FEW and float(size.max()) > _APART * float(size.min())


def _range(x: Tensor) -> tuple[float, float]:
    if not x.numel():
        return -1.0, 1.0
    low, high = float(x.detach().min()), float(x.detach().max())
    if low < high:
        return low, high
    return (min(low / 2, 1.5 * low), max(low / 2, 1.5 * low)) if low else (-1.0, 1.0)


def _is_real(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


class _Drawing:
    """One call being drawn: the sizes that names stand for, and the generator of the numbers."""

    def __init__(self, draw: st.DrawFn, case: Case, dtype: torch.dtype, sizing: Sizing) -> None:
        self.draw = draw
        self.case = case
        self.dtype = dtype
        self.sizing = sizing
        self.sizes: dict[str, int] = {}
        self.tied = False
        self.seed = draw(_SEEDS, label="seed")
        self.coarse = draw(st.booleans(), label="coarse")
        self.generator = torch.Generator().manual_seed(self.seed)
        count = draw(st.integers(0 if sizing == "any" else 1, 2), label="leading dimensions")
        self.leading = [self._any_size(*_ANY_SIZE) for _ in range(count)]

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
        if self.coarse and not spec.distinct:
            values = _rounded(values, spec.low, spec.high)
        # Equal rows would make ties, or a singular matrix.
        self.tied = self.tied or spec.distinct or spec.diagonal != 0
        values = away(values, spec.kinks)
        if spec.diagonal:
            values = values + spec.diagonal * torch.eye(*shape[-2:], dtype=torch.float64)
        return values.to(self.dtype)

    def _shape(self, spec: str) -> tuple[int, ...]:
        names = spec.split()
        leading: Sequence[int] = ()
        if "..." in names:
            # Each tensor keeps, stretches or leaves out leading dimensions, so that all broadcast together.
            leading = self.leading
            if self.sizing != "plain":
                kept = self.draw(st.integers(0, len(leading)), label="rank")
                leading = [self.draw(st.sampled_from([n, 1]), label="size") for n in leading[len(leading) - kept :]]
        return (
            *leading,
            *(int(name) if name.isdigit() else self._size(name) for name in names if name != "..."),
        )

    def _size(self, name: str) -> int:
        if name not in self.sizes:
            self.sizes[name] = self._any_size(*self.case.sizes.get(name, _ANY_SIZE))
        return self.sizes[name]

    def _any_size(self, low: int, high: int) -> int:
        if self.sizing == "plain":
            low = min(max(low, 2), high)
        wanted = {"empty": 0, "ones": 1}.get(self.sizing)
        if wanted is not None and low <= wanted <= high and self.draw(st.integers(0, 2), label="edge") < 2:
            return wanted
        return self.draw(st.integers(low, high), label="size")
