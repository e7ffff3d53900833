"""An expression that a user may write, run on plain tensors with torch's autograd, and recorded: both agree."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import tape


def expressions(table: str) -> list[str]:
    """The lines of a table, one expression each."""
    return [line for line in table.splitlines() if line]


def agree(expression: str, differentiable: str | None = None) -> None:
    """Compares value and gradient of an expression with torch's, or with those of one that torch can differentiate."""
    inputs = values()
    required = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    expected = leaves(evaluate(differentiable or expression, required))
    actual, pullback = tape.vjp(lambda tensors: leaves(evaluate(expression, tensors)), inputs)

    assert len(actual) == len(expected), f"{actual} is not {expected}"
    cotangents: list[Any] = []
    for a, e in zip(actual, expected, strict=True):
        if not isinstance(e, Tensor):
            assert type(a) is type(e), f"{a!r} is not of {type(e)}"
            assert a == e, f"{a!r} is not {e!r}"
            cotangents.append(None)
            continue
        assert not a.requires_grad
        torch.testing.assert_close(a, e.detach(), rtol=1e-12, atol=1e-12)
        floating = e.is_floating_point()
        cotangents.append(torch.linspace(-1, 2, e.numel(), dtype=e.dtype).reshape(e.shape) if floating else None)

    with_gradient = [i for i, e in enumerate(expected) if isinstance(e, Tensor) and e.requires_grad]
    (gradients,) = pullback(cotangents)
    expected_gradients = [torch.zeros_like(value) for value in required.values()]
    if with_gradient:
        expected_gradients = list(
            torch.autograd.grad(
                [expected[i] for i in with_gradient],
                list(required.values()),
                [cotangents[i] for i in with_gradient],
                materialize_grads=True,
            )
        )
    for name, wanted in zip(inputs, expected_gradients, strict=True):
        torch.testing.assert_close(gradients[name], wanted, rtol=1e-10, atol=1e-10)


def evaluate(expression: str, tensors: dict[str, Any]) -> Any:
    return eval(expression, {**NAMES, **tensors})


def leaves(result: Any) -> list[Any]:
    """The parts of a result, and those of a tuple with names, which is no pytree for torch's return types."""
    return [part for leaf in tape.tree.leaves(result) for part in (leaf if isinstance(leaf, (tuple, list)) else [leaf])]


def values() -> dict[str, Tensor]:
    """The names of floating-point tensors in the expressions. No entry is at a kink, no two are equal."""
    generator = torch.Generator().manual_seed(0)

    def spread(low: float, high: float, *shape: int) -> Tensor:
        count = torch.Size(shape).numel()
        order = torch.randperm(count, generator=generator).reshape(shape)
        return (low + (high - low) * (order + 0.37) / count).double()

    return {
        "x": spread(-2, 2, 3, 4),
        "y": spread(-1.9, 1.8, 3, 4),
        "p": spread(0.3, 2.2, 3, 4),
        "u": spread(-0.8, 0.8, 3, 4),
        "h": spread(1.3, 3, 3, 4),
        "v": spread(-1, 2, 4),
        "r5": spread(-2, 1, 5),
        "s": torch.tensor(0.7, dtype=torch.float64),
        "w": spread(-1, 1, 4, 5),
        "b": spread(-2, 2, 2, 3, 4),
        "img": spread(-1, 1, 2, 2, 4, 5),
        "cols": spread(-1, 1, 2, 8, 12),
        "m": spread(-1, 1, 3, 3) + 3 * torch.eye(3, dtype=torch.float64),
    }


NAMES = {
    "torch": torch,
    "F": F,
    "plain": torch.linspace(-1.7, 1.6, 12, dtype=torch.float64).reshape(3, 4),
    "mask": torch.tensor([[True, False, True, True], [False, False, True, False], [True, True, True, False]]),
    "rows": torch.tensor([2, 0, 1]),
    "classes": torch.tensor([2, 0, 3]),
    "places": torch.tensor([[0, 3], [1, 1], [2, 0]]),
}
