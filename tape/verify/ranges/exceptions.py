"""What is not walked, and why: each function that has no call in the table stands here by name."""

from typing import Any

import torch
from torch import Tensor

from tape.core.traced import Traced

__all__ = ["MODULES", "NOT_WALKED", "unwalked"]

# Whole modules of implementations.
MODULES = {
    "tape.ops.constant": "runs torch's own function on plain values: what it gives has no derivative and is torch's",
}

NOT_WALKED: dict[Any, str] = {
    Tensor.cuda: "a copy to a machine's other device, which may not be there",
    **dict.fromkeys(
        (Tensor.__add__, Tensor.__radd__, Tensor.__sub__), "spelling: as torch.add and torch.sub they are walked"
    ),
    **dict.fromkeys(
        (torch.full, torch.full_like, Tensor.new_full, torch.fill, torch.scalar_tensor),
        "fills with one number, which is passed on as it is",
    ),
    **dict.fromkeys(
        (
            Tensor.new_tensor,
            torch.functional.unique,
            Tensor.unique,
            torch.unique_consecutive,
            Tensor.unique_consecutive,
        ),
        "refused: its derivative would be lost",
    ),
    torch.heaviside: "a step, whose values at 0 are passed on",
    Tensor.heaviside: "a step, whose values at 0 are passed on",
    torch._C._nn.pad_sequence: "moves numbers",
    Tensor.type: "a conversion, which is walked as Tensor.to",
    Tensor.__rmod__: "torch has no derivative of a number modulo a tensor; as torch.remainder it is walked",
}


def unwalked(called: set[Any]) -> list[Any]:
    """The torch functions whose implementation is neither among those `called` nor excepted."""
    known = {id(Traced.functions[function][0]) for function in called | set(NOT_WALKED)}
    return [
        function
        for function, (implementation, _) in Traced.functions.items()
        if id(implementation) not in known and implementation.__module__ not in MODULES
    ]
