"""Whether a value fits a domain's description of an argument, and what would make it fit."""

import itertools
import math
from collections.abc import Iterator, Sequence
from random import Random

import torch
from torch import Tensor

from tape.core.domain import Case, Real

__all__ = ["Sizing", "affine", "within"]

_MARGIN = 0.02  # the distance that is kept from kinks
_TIE = 1e-4  # distinct numbers are further apart than this
_ANY_SIZE = (1, 6)


class Sizing:
    """The sizes that the names of a case's dimensions stand for in one call, as far as they are settled."""

    def __init__(self, case: Case, random: Random) -> None:
        self.case = case
        self.random = random
        self.sizes: dict[str, int] = {}
        self.leading: list[int] = []  # what "..." has broadcast to so far, counted from the right

    def accepts(self, spec: str, shape: Sequence[int]) -> bool:
        """Whether a tensor of this shape may be the argument; if so, settles the names."""
        tokens = [token for token in spec.split() if token != "..."]
        extra = len(shape) - len(tokens)
        if extra < 0 or (extra and "..." not in spec):
            return False
        leading, trailing = shape[:extra], shape[extra:]
        settled = dict(self.sizes)
        for token, size in zip(tokens, trailing, strict=True):
            if size != (int(token) if token.isdigit() else settled.setdefault(token, size)):
                return False
            low, high = self.case.sizes.get(token, _ANY_SIZE)
            if not token.isdigit() and not low <= size <= high:
                return False
        pairs = list(itertools.zip_longest(reversed(leading), self.leading, fillvalue=1))
        if any(a != b and 1 not in (a, b) for a, b in pairs):
            return False
        self.sizes = settled
        self.leading = [max(a, b) for a, b in pairs]
        return True

    def draw(self, spec: str) -> tuple[int, ...]:
        """A shape that `accepts`; each tensor keeps, stretches or leaves out leading dimensions."""
        leading: list[int] = []
        if "..." in spec:
            if not self.leading:
                self.leading = [self.random.randint(1, 3) for _ in range(self.random.randint(0, 2))]
            kept = self.leading[: self.random.randint(0, len(self.leading))]
            leading = [self.random.choice((size, size, 1)) for size in reversed(kept)]
        return (*leading, *(self.size(token) for token in spec.split() if token != "..."))

    def size(self, token: str) -> int:
        if token.isdigit():
            return int(token)
        if token not in self.sizes:
            low, high = self.case.sizes.get(token, (1, 3))
            self.sizes[token] = self.random.randint(max(low, 1), max(high, 1))
        return self.sizes[token]


def within(x: Tensor, spec: Real) -> bool:
    """Whether the numbers are within the bounds, away from kinks, and distinct where they must be."""
    if spec.diagonal:
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            return False
        x = x - spec.diagonal * torch.eye(*x.shape[-2:], dtype=x.dtype)
    if x.min() < spec.low or x.max() > spec.high:
        return False
    if any(((x - kink).abs() < _MARGIN).any() for kink in spec.kinks):
        return False
    if spec.distinct and x.numel() > 1:
        ordered = x.flatten().sort().values
        return bool((ordered[1:] - ordered[:-1]).min() > _TIE)
    return True


def affine(x: Tensor, spec: Real) -> Iterator[tuple[float, float]]:
    """Scales and shifts that may bring the numbers within: into the whole range, then between two kinks."""
    low, high = x.min().item(), x.max().item()
    kinks = sorted(kink for kink in spec.kinks if spec.low < kink < spec.high)
    edges = [spec.low, *kinks, spec.high]
    for bottom, top in [(spec.low, spec.high), *itertools.pairwise(edges)]:
        room = 0.9 * (top - bottom)
        scale = min(1.0, room / max(high - low, 1e-12))
        scale = max(math.floor(scale * 1000) / 1000, 0.001)
        yield scale, round((bottom + top) / 2 - scale * (high + low) / 2, 3)
