"""Mistakes by which a derivative would be lost."""

import sys
from collections.abc import Callable
from typing import Any

import torch

from tape import grad
from tests.tape.errors.examples import Case, X


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2


def mse_loss(x: Any) -> Any:
    """A function of torch's that only a package beside this one implements."""
    return torch.overrides.handle_torch_function(mse_loss, (x,), x)


def without_nn(f: Callable[[], Any]) -> Any:
    imported = sys.modules.pop("nn", None)
    try:
        return f()
    finally:
        if imported is not None:
            sys.modules["nn"] = imported


CASES: dict[str, Case] = {
    "number read off": (
        lambda: grad(lambda x: x.sum() * float(x[0]))(X),
        "float(x) of a traced value has no derivative, and what is computed from it would be a constant: compute with "
        "torch's functions on the tensor itself (torch.exp(x) for math.exp(x)), or write tape.stop_gradient(x).item() "
        "for a constant; to compare, to branch and to print f'{x:.3f}' need no float()",
    ),
    "function of torch's autograd": (
        lambda: grad(lambda x: Doubled.apply(x).sum())(X),
        "Doubled.apply is differentiated by torch's own autograd: the derivative of a traced value would be lost; "
        "write the function with @tape.custom_vjp and .defvjp(forward, backward), or a straight-through estimator as "
        "x + tape.stop_gradient(f(x) - x)",
    ),
    "reentrant checkpoint": (
        lambda: grad(lambda x: torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=True).sum())(X),
        "torch.utils.checkpoint in its reentrant form is differentiated by torch's own autograd: the derivative of a "
        "traced value would be lost; write tape.checkpoint(f)(x) in place of checkpoint(f, x)",
    ),
    "torch's own autograd": (
        lambda: grad(lambda x: x.sum().backward())(X),
        "Tensor.backward has no derivative rule: torch's own autograd knows nothing of traced values; write "
        "tape.grad(f)(x), tape.value_and_grad or tape.vjp, which nest",
    ),
    "rule of a package that is not imported": (
        lambda: without_nn(lambda: grad(lambda x: mse_loss(x))(X)),
        "mse_loss has no derivative rule as long as the package nn, which has one, is not imported: write import nn",
    ),
    "distinct values": (
        lambda: grad(lambda x: torch.unique(x).sum())(X),
        "torch.unique of a traced value has no derivative; write it of tape.stop_gradient(x), where its numbers are "
        "constants, and index x for those with a derivative",
    ),
}
