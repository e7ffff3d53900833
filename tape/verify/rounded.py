"""What rounding inside a function may change, by rounding every step of it once more.

The result of each operation moves by a unit in its last place, up or down at random. What that changes tells how well
the steps determine the result, also where the result is a difference of large numbers, or 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Rounded", "scatter"]

_DRAWS = 4
# They give numbers that went in, and equal numbers have to stay equal.
_EXACT = frozenset(
    (
        *("abs", "amax", "amin", "cat", "clamp", "clamp_max", "clamp_min", "clone", "constant_pad_nd", "copy"),
        *("cummax", "cummin", "empty", "empty_like", "expand", "flip", "floor", "ceil", "round", "trunc", "full"),
        *("full_like", "gather", "index", "index_select", "kthvalue", "masked_fill", "max", "maximum", "median"),
        *("max_pool2d_with_indices", "min", "minimum", "neg", "new_zeros", "ones", "ones_like", "relu", "repeat"),
        *("roll", "scalar_tensor", "scatter", "select", "sgn", "sign", "sort", "stack", "threshold", "topk"),
        *("tril", "triu", "where", "zeros", "zeros_like", "_to_copy"),
    )
)

_SOLVERS = ("linalg_", "_linalg", "cholesky", "triangular_solve", "lu_", "_cholesky")


class Rounded(TorchDispatchMode):
    """While it is entered, every operation on float64 rounds to `epsilon` in a way of its own.

    >>> x = torch.ones((), dtype=torch.float64)
    >>> with Rounded(1e-3, torch.Generator().manual_seed(0)):
    ...     wide = x + 1e6 - 1e6
    >>> bool(abs(wide - 1) > 100)
    True
    """

    def __init__(self, epsilon: float, generator: torch.Generator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.epsilon = epsilon
        self.generator = generator

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        schema = func._schema
        if schema.name.removeprefix("aten::").startswith(_SOLVERS):
            # They take many steps, and lose what the matrix's condition asks for.
            args = tuple(map(self._moved, args))
        results = func(*args, **(kwargs or {}))
        if schema.name.removeprefix("aten::") in _EXACT or any(r.alias_info is not None for r in schema.returns):
            return results
        if isinstance(results, (tuple, list)):
            return type(results)(map(self._moved, results))
        return self._moved(results)

    def _moved(self, x: Any) -> Any:
        if not isinstance(x, Tensor) or x.dtype != torch.float64:
            return x
        sign = 2.0 * torch.randint(0, 2, x.shape, generator=self.generator) - 1
        return x + self.epsilon * x * sign


def scatter(of: Callable[[], Sequence[Any]], epsilon: float) -> list[Tensor | None]:
    """How far each floating-point result moves, entry by entry; infinite where rounding decides if it is a number."""
    right = of()
    generator = torch.Generator().manual_seed(0)
    most = [torch.zeros_like(x) if _is_real(x) else None for x in right]
    for _ in range(_DRAWS):
        with Rounded(epsilon, generator):
            moved = of()
        for i, (x, other) in enumerate(zip(right, moved, strict=True)):
            before = most[i]
            if before is not None:
                change = torch.where(x == other, 0.0, (x - other).abs()).nan_to_num(torch.inf, torch.inf)
                most[i] = torch.maximum(before, torch.where(x.isfinite(), change, 0.0))
    return most


def _is_real(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()
