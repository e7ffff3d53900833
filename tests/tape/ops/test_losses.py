from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape


def test_edges_are_torchs(agrees_with_torch: Callable[..., None], doubles: Callable[..., Tensor]) -> None:
    x, y = doubles(0, 1, -1, 2, 0.5), torch.zeros(5, dtype=torch.float64)
    agrees_with_torch(lambda x: F.huber_loss(x, y, reduction="sum"), x, second=False)
    agrees_with_torch(lambda x: F.smooth_l1_loss(x, y, reduction="sum"), x, second=False)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_of_classes(
    reduction: str, smoothing: float, weighted: bool, agrees_with_torch: Callable[..., None]
) -> None:
    x = torch.linspace(-2, 3, 24, dtype=torch.float64).sin().reshape(2, 3, 4)
    target = torch.tensor([[0, 1, 2, -100], [2, -100, 0, 1]])
    weight = torch.tensor([0.3, 1.0, 2.0], dtype=torch.float64) if weighted else None
    agrees_with_torch(lambda x: F.cross_entropy(x, target, weight, reduction=reduction, label_smoothing=smoothing), x)


def test_binary_cross_entropy_of_certainty_is_bounded(doubles: Callable[..., Tensor]) -> None:
    value, gradient = tape.value_and_grad(lambda p: F.binary_cross_entropy(p, doubles(1, 0), reduction="sum"))(
        doubles(0, 0.5)
    )
    torch.testing.assert_close(value, 100 + torch.log(doubles(2)).squeeze())
    torch.testing.assert_close(gradient, doubles(-1e12, 2))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: F.huber_loss(x, x, delta=0.0),
        lambda x: F.smooth_l1_loss(x, x, reduction="average"),
        lambda x: F.smooth_l1_loss(x, x, beta=-1.0),
        lambda x: F.cross_entropy(x, torch.zeros(2, 2).long()),
        lambda x: F.cross_entropy(x, torch.zeros(3).long(), label_smoothing=2.0),
        lambda x: F.cross_entropy(x, torch.ones(3)),
        lambda x: F.binary_cross_entropy_with_logits(x, torch.ones(3)),
    ],
)
def test_senseless_arguments_are_refused(f: Any) -> None:
    with pytest.raises(ValueError, match=r"loss|cross_entropy"):
        tape.vjp(f, torch.ones(3, 2))
