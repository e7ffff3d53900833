"""What rounding inside the rules may make of a pullback's rows, where what they give cancels or is 0."""

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from tape.verify.differences import LinAlgError, Line, flat, scales
from tape.verify.rounded import scatter

__all__ = ["Slack"]

_SAFETY = 16.0
_EPSILON = torch.finfo(torch.float64).eps
_BESIDE = 2.0**-16  # at a kink or a tie rounding would choose between sides


class Slack:
    """The slack of a matrix of pulled rows, found beside the point when it is first asked for.

    Args:
        inputs: the point.
        rows: the matrix at other inputs.
        size: of the function's values, times their cotangents; rounding of it is always allowed.
    """

    def __init__(self, inputs: Sequence[Tensor], rows: Callable[[list[Tensor]], Tensor], size: float) -> None:
        self.inputs = inputs
        self.rows = rows
        self.size = size

    def along(self, line: Line) -> Tensor:
        """Of each row, along a line from the point."""
        step = flat([torch.zeros_like(x) if d is None else d for x, d in zip(line.inputs, line.direction, strict=True)])
        return _SAFETY * (self._changes @ step.abs() + _EPSILON * self.size)

    @cached_property
    def _changes(self) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        beside = [x + _BESIDE * torch.randn(x.shape, generator=generator).to(x) * scales(x) for x in self.inputs]
        try:
            (changes,) = scatter(lambda: [self.rows(beside)], _EPSILON)
        except LinAlgError:
            changes = None
        none = torch.zeros((), dtype=torch.float64)
        return none if changes is None else changes.where(changes.isfinite(), none)
