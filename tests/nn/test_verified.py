"""Every public function of nn, every layer, and the report's networks, end to end, through the verification kit."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import n2n
import nn
from tape import verify


def numbers(*shape: int) -> Tensor:
    """Numbers in (-1, 1), no two of them equal."""
    return torch.rand(shape, generator=Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


IMAGE = numbers(1, 2, 4, 5)
KINK = {"kinks": (0.0,)}
TIES = {"ties": True}

FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
    "avg_pool2d": (partial(nn.avg_pool2d, kernel_size=2, padding=1), (IMAGE,), {}),
    "conv2d": (partial(nn.conv2d, stride=2, padding=1), (IMAGE, numbers(3, 2, 3, 2), numbers(3)), {}),
    "conv_transpose2d": (
        partial(nn.conv_transpose2d, stride=2, padding=1, output_padding=1),
        (IMAGE, numbers(2, 3, 3, 2), numbers(3)),
        {},
    ),
    "interpolate": (partial(nn.interpolate, scale_factor=2), (IMAGE,), {}),
    "l1_loss": (nn.l1_loss, (numbers(5), numbers(5) + 0.05), TIES),
    "leaky_relu": (partial(nn.leaky_relu, negative_slope=0.25), (numbers(5),), {"kinks": {0.0: 0.25}}),
    "linear": (nn.linear, (numbers(2, 3), numbers(4, 3), numbers(4)), {}),
    "max_pool2d": (partial(nn.max_pool2d, kernel_size=2, stride=1), (IMAGE,), TIES),
    "mse_loss": (nn.mse_loss, (numbers(5), numbers(5) + 0.05), {}),
    "relu": (nn.relu, (numbers(5),), {"kinks": {0.0: 0.0}}),
    "sigmoid": (nn.sigmoid, (numbers(5),), {}),
    "softplus": (nn.softplus, (numbers(5),), {}),
    "tanh": (nn.tanh, (numbers(5),), {}),
    "upsample_conv2d": (
        partial(nn.upsample_conv2d, scale_factor=2, padding=1),
        (IMAGE, numbers(3, 2, 3, 3), numbers(3)),
        {},
    ),
    "upsample_nearest": (partial(nn.upsample_nearest, scale_factor=2), (IMAGE,), {}),
}

LAYERS: dict[str, tuple[nn.Layer, tuple[int, ...], dict[str, Any]]] = {
    "AvgPool2d": (nn.AvgPool2d(2), (2, 4, 5), {}),
    "Conv2d": (nn.Conv2d(2, 3, padding=1), (2, 4, 5), {}),
    "ConvTranspose2d": (nn.ConvTranspose2d(2, 3, stride=2), (2, 4, 5), {}),
    "LeakyReLU": (nn.LeakyReLU(), (5,), KINK),
    "Linear": (nn.Linear(3), (4,), {}),
    "MaxPool2d": (nn.MaxPool2d(2), (2, 4, 5), TIES),
    "ReLU": (nn.ReLU(), (5,), KINK),
    "Sigmoid": (nn.Sigmoid(), (5,), {}),
    "Softplus": (nn.Softplus(), (5,), {}),
    "Tanh": (nn.Tanh(), (5,), {}),
    "UpsampleConv2d": (nn.UpsampleConv2d(2, 3, scale_factor=2, padding=1), (2, 4, 5), {}),
    "UpsampleNearest": (nn.UpsampleNearest(2), (2, 4, 5), {}),
    "elementwise": (nn.elementwise(torch.sin), (5,), {}),
    "identity": (nn.identity, (5,), {}),
    "parallel": (nn.parallel(nn.Linear(2), nn.Tanh()), (2,), {}),
    "residual": (nn.residual(nn.Linear(3), nn.Tanh()), (3,), {}),
    "serial": (nn.serial(nn.Linear(3), nn.Tanh(), nn.Linear(2)), (4,), {}),
    "skip": (nn.skip(nn.Conv2d(2, 3, padding=1), nn.Tanh()), (1, 3, 3), {}),
}

# What in nn is no function of tensors with a derivative.
OTHERS = {"Initializer", "Layer", "Params", "Shape", "kaiming_normal", "kaiming_uniform", "uniform_fan_in", "zeros"}


def test_everything_in_nn_is_verified_here() -> None:
    assert {*FUNCTIONS, *LAYERS} | OTHERS == set(nn.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_verified(name: str) -> None:
    f, example, options = FUNCTIONS[name]
    verify.check(f, *example, examples=3, **options)


@pytest.mark.parametrize("name", LAYERS)
def test_layer_is_verified(name: str) -> None:
    layer, shape, options = LAYERS[name]
    params, _ = layer.init(Generator().manual_seed(0), shape)
    verify.check(layer.apply, params, numbers(2, *shape), examples=3, **options)


@pytest.mark.parametrize("name", ["net1", "net2", "net3", "net4"])
def test_network_is_verified(name: str) -> None:
    network = n2n.network(name, 1)
    params, _ = network.init(Generator().manual_seed(0), (1, 8, 8))
    report = verify.check(network.apply, params, numbers(1, 1, 8, 8), examples=2)
    assert report.examples["second order"] > 0
