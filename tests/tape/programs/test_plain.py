"""What torch's functions on plain tensors are called, and which of them change a tensor."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tape.programs.plain import changed_in_place, torch_name


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch.sin, "sin"),
        (Tensor.sin, "sin"),
        (Tensor.__gt__, "gt"),
        (Tensor.__and__, "and"),
        (torch.nn.functional.relu, "relu"),
        (torch.linalg.norm, "norm"),
        (Tensor.T.__get__, "T"),  # type: ignore[attr-defined]
        (Tensor.__setitem__, "setitem"),
    ],
)
def test_names(function: Any, name: str) -> None:
    assert torch_name(function) == name


x, y = torch.ones(2), torch.ones(2)


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "changed"),
    [
        (Tensor.add_, (x, y), {}, x),
        (Tensor.__iadd__, (x, y), {}, x),
        (Tensor.__imul__, (x, y), {}, x),
        (Tensor.__setitem__, (x, 0, y), {}, x),
        (torch.relu_, (x,), {}, x),
        (torch.add, (x, x), {"out": y}, y),
        (torch.add, (x, y), {}, None),
        (Tensor.__add__, (x, y), {}, None),
        (Tensor.__invert__, (x,), {}, None),
        (Tensor.__index__, (x,), {}, None),
        (Tensor.__int__, (x,), {}, None),
        (torch.isfinite, (x,), {}, None),
        (torch.stack, ([x, y],), {}, None),
    ],
)
def test_what_changes_in_place(function: Any, args: Any, kwargs: Any, changed: Tensor | None) -> None:
    assert changed_in_place(function, torch_name(function), args, kwargs) is changed
