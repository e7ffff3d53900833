"""Torch's Python code that asks `isinstance(x, Tensor)` and would work on a traced value but for that question."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.distributions import Distribution
from torch.utils.data._utils.collate import default_collate_fn_map

from tape.core.traced import Traced, raw

__all__: list[str] = []


_check = Distribution._validate_sample


def _check_numbers(self: Distribution, value: Any) -> None:
    """A check that looks at numbers alone looks at those of a traced value."""
    _check(self, raw(value))


def _collated(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
    return torch.stack(tuple(batch))


# Torch has no hook there; of a tensor the check is as it was.
Distribution._validate_sample = _check_numbers  # type: ignore[method-assign]
default_collate_fn_map[Traced] = _collated
