"""Torch's Python code that asks `isinstance(x, Tensor)` and would work on a traced value but for that question."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.distributions import Distribution
from torch.utils.data._utils.collate import default_collate_fn_map

from tape.core.traced import Traced, raw

__all__: list[str] = []


def _of_numbers(check: Callable[[Distribution, Any], None]) -> Callable[[Distribution, Any], None]:
    """A check that looks at numbers alone looks at those of a traced value."""
    return lambda self, value: check(self, raw(value))


def _collated(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    return torch.stack(tuple(batch))


# Torch has no hook there; of a tensor the check is as it was.
Distribution._validate_sample = _of_numbers(Distribution._validate_sample)  # type: ignore[method-assign, assignment]
default_collate_fn_map[Traced] = _collated
