"""What is not walked, and why: each function that has no call in the table stands here by name."""

from typing import Any

from torch import Tensor

from tape.core.traced import Traced

__all__ = ["MODULES", "NOT_WALKED", "unwalked"]

# Whole modules of implementations.
MODULES = {
    "tape.ops.constant": "runs torch's own function on plain values: what it gives has no derivative and is torch's",
}

NOT_WALKED: dict[Any, str] = {
    Tensor.cuda: "a copy to a machine's other device, which may not be there",
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
