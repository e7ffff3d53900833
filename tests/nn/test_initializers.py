"""Initial values: their bounds, their spread, and that a generator decides them."""

import math
from typing import Any

import pytest
import torch

import nn

SHAPE, FAN_IN = (64, 12, 3, 5), 12 * 3 * 5

INITIALIZERS = {
    "uniform_fan_in": (nn.uniform_fan_in, 1 / math.sqrt(3 * FAN_IN)),
    "kaiming_uniform": (nn.kaiming_uniform(), math.sqrt(2 / FAN_IN)),
    "kaiming_uniform of a leaky ReLU": (nn.kaiming_uniform(0.1), math.sqrt(2 / (1.01 * FAN_IN))),
    "kaiming_normal": (nn.kaiming_normal(), math.sqrt(2 / FAN_IN)),
    "kaiming_normal of a leaky ReLU": (nn.kaiming_normal(0.5), math.sqrt(2 / (1.25 * FAN_IN))),
}


@pytest.mark.parametrize(("initialize", "deviation"), INITIALIZERS.values(), ids=INITIALIZERS)
def test_values_have_the_mean_0_and_the_deviation_of_the_definition(initialize: Any, deviation: float) -> None:
    values = initialize(torch.Generator().manual_seed(0), SHAPE, FAN_IN)
    assert values.shape == SHAPE
    assert values.dtype == torch.float32
    count = values.numel()
    assert abs(values.mean()) < 5 * deviation / math.sqrt(count)
    assert abs(values.std() / deviation - 1) < 5 / math.sqrt(count)


@pytest.mark.parametrize(
    ("initialize", "bound"),
    [
        (nn.uniform_fan_in, 1 / math.sqrt(3)),
        (nn.kaiming_uniform(0.2), math.sqrt(6 / (1.04 * 3))),
    ],
)
def test_uniform_values_fill_the_interval_evenly(initialize: Any, bound: float) -> None:
    values = initialize(torch.Generator().manual_seed(0), SHAPE, 3) / bound
    assert 0.99 < values.abs().max() <= 1
    shares = torch.histc(values, 10, -1, 1) / values.numel()
    assert (shares - 0.1).abs().max() < 0.02


def test_the_reports_bound_is_that_of_torchs_layers() -> None:
    layer = torch.nn.Conv2d(12, 64, (3, 5))
    ours = nn.uniform_fan_in(torch.Generator().manual_seed(0), SHAPE, FAN_IN)
    torch.testing.assert_close(layer.weight.abs().max().detach(), ours.abs().max(), rtol=0.01, atol=0)


@pytest.mark.parametrize("initialize", [initialize for initialize, _ in INITIALIZERS.values()])
def test_the_generator_decides(initialize: Any) -> None:
    first, second, other = (initialize(torch.Generator().manual_seed(seed), (3, 4), 4) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_global_generator_is_left_alone(generator: torch.Generator) -> None:
    state = torch.get_rng_state()
    for initialize, _ in INITIALIZERS.values():
        initialize(generator, (2, 2), 2)
    assert torch.equal(torch.get_rng_state(), state)


def test_zeros(generator: torch.Generator) -> None:
    assert nn.zeros(generator, [2, 3], 3).equal(torch.zeros(2, 3))
