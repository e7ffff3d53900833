from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape

KINKED: dict[str, tuple[Any, tuple[float, ...]]] = {
    "elu": (lambda x: F.elu(x, 2.0), (-1, 0, 1, 900)),
    "selu": (F.selu, (-1, 0, 1, 900)),
    "celu": (lambda x: F.celu(x, 2.0), (-1, 0, 1, 900)),
    "hardtanh": (F.hardtanh, (-2, -1, 0, 1, 2)),
    "relu6": (F.relu6, (-1, 0, 3, 6, 7)),
    "hardsigmoid": (lambda x: 6 * F.hardsigmoid(x), (-4, -3, 0, 3, 4)),
    "hardswish": (F.hardswish, (-4, -3, 0, 3, 4)),
    "softshrink": (F.softshrink, (-1, -0.5, 0, 0.5, 1)),
    "hardshrink": (F.hardshrink, (-1, -0.5, 0, 0.5, 1)),
    "threshold": (lambda x: F.threshold(x, 0.5, 3.0), (0, 0.5, 1)),
    "softsign": (F.softsign, (-1, 0, 1)),
}


@pytest.mark.parametrize("name", KINKED)
def test_kinks_are_torchs(name: str, doubles: Callable[..., Tensor]) -> None:
    f, places = KINKED[name]
    torch.testing.assert_close(tape.grad(lambda x: f(x).sum())(doubles(*places)), torchs(f, doubles(*places)))


@pytest.mark.parametrize("name", ["elu", "selu", "celu", "softshrink", "hardshrink", "threshold"])
def test_the_second_order_at_a_kink_is_torchs(
    name: str, agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]
) -> None:
    f, places = KINKED[name]
    agrees_with_torch(f, doubles(*places))


def torchs(f: Any, x: Tensor) -> Tensor:
    x.requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


def test_prelu_at_0_has_the_weight(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    agrees_with_torch(F.prelu, doubles(-1, 0, 1), doubles(0.3), second=False)


@pytest.mark.parametrize("f", [F.dropout, F.dropout2d, lambda x: F.alpha_dropout(x, training=True)])
def test_random_numbers_without_a_generator_are_refused(f: Any) -> None:
    with pytest.raises(NotImplementedError, match=r"torch\.Generator"):
        tape.vjp(f, torch.ones(1, 2, 3, 3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: F.gelu(x, approximate="sinh"),
        lambda x: F.hardtanh(x, 1.0, -1.0),
        lambda x: F.softshrink(x, -1.0),
        lambda x: F.prelu(x, torch.ones(2)),
        lambda x: F.dropout(x, 1.5),
        F.glu,
    ],
)
def test_senseless_arguments_are_refused(f: Any) -> None:
    with pytest.raises(ValueError, match=r": |cannot"):
        tape.vjp(f, torch.ones(1, 3))
