"""An example: one way to call a torch function, and how its numbers are to be drawn, as plain data."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch

from tape import tree
from tape.core.domain import Boolean, Integer, Real

__all__ = [
    "Constant",
    "Example",
    "Symmetric",
    "boolean",
    "call",
    "integer",
    "matrix",
    "name_of",
    "real",
    "shape_of",
    "wide",
]


@dataclass(frozen=True)
class Constant(Real):
    """A tensor that torch has no derivative with respect to, such as a running mean."""


@dataclass(frozen=True)
class Symmetric(Real):
    """A symmetric matrix, as a Cholesky factorisation reads one: positive definite by its `diagonal`."""


# Numbers of any size and sign. `real` says the bounds of those that stay within them: probabilities, labels.
wide = partial(Real, low=-math.inf, high=math.inf)
# A square matrix far from singular, whatever its scale.
matrix = partial(Real, low=-math.inf, high=math.inf, diagonal=4.0)
real, integer, boolean = Real, Integer, Boolean


class Example(NamedTuple):
    """A call of `function`, with a `Real`, `Integer` or `Boolean` where a tensor is drawn; shapes are numbers."""

    function: Any
    args: tuple[Any, ...]
    options: dict[str, Any]

    def specs(self) -> list[Any]:
        """All leaves of the arguments and options, in order."""
        return tree.leaves((self.args, self.options))

    def inputs(self) -> list[int]:
        """The places of those leaves that a gradient is asked for."""
        return [i for i, spec in enumerate(self.specs()) if isinstance(spec, Real) and not isinstance(spec, Constant)]

    def __str__(self) -> str:
        written = [_text(arg) for arg in self.args] + [f"{k}={_text(v)}" for k, v in self.options.items()]
        return f"{name_of(self.function)}({', '.join(written)})"


def call(function: Any, *args: Any, **options: Any) -> Example:
    """An `Example` that reads as the call that it makes.

    >>> import torch
    >>> call(torch.sum, wide("4 6"), dim=1).options
    {'dim': 1}
    """
    return Example(function, args, options)


def shape_of(spec: Real | Integer | Boolean) -> tuple[int, ...]:
    return tuple(int(name) for name in spec.shape.split())


def name_of(function: Any) -> str:
    """A torch function's name as a person writes it.

    >>> import torch
    >>> name_of(torch.linalg.det), name_of(torch.Tensor.sum), name_of(torch.nn.functional.gelu)
    ('torch.linalg.det', 'Tensor.sum', 'torch.nn.functional.gelu')
    """
    owner = getattr(getattr(function, "__objclass__", None), "__name__", None) or getattr(function, "__module__", None)
    name = f"{owner or 'torch'}.{function.__name__}"
    for inside, outside in _OUTSIDE.items():
        name = name.replace(inside, outside)
    return name


_OUTSIDE = {
    "torch._C._nn.": "torch.nn.functional.",
    "torch._C._linalg.linalg_": "torch.linalg.",
    "torch._C._special.special_": "torch.special.",
    "torch._tensor.": "Tensor.",
    "TensorBase.": "Tensor.",
    "torch.functional.": "torch.",
}


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"({', '.join(_text(part) for part in value)})"
    if isinstance(value, (Real, Integer, Boolean)):
        return f"{type(value).__name__.lower()}[{', '.join(value.shape.split())}]"
    return str(value) if isinstance(value, torch.dtype) else repr(value)
