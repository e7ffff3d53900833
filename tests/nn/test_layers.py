"""The layers: shapes of parameters and outputs, and that they call what they are named after."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import nn
import tape

SHAPE = (4, 9, 8)

LAYERS: dict[str, tuple[nn.Layer, Callable[..., Any], dict[str, tuple[int, ...]]]] = {
    "Conv2d": (
        nn.Conv2d(6, 3),
        lambda x, weight, bias: nn.conv2d(x, weight, bias),
        {"weight": (6, 4, 3, 3), "bias": (6,)},
    ),
    "Conv2d with options": (
        nn.Conv2d(6, (3, 2), stride=2, padding=1, dilation=(1, 2), groups=2, bias=False),
        lambda x, weight: nn.conv2d(x, weight, None, 2, 1, (1, 2), 2),
        {"weight": (6, 2, 3, 2)},
    ),
    "Conv2d, same": (
        nn.Conv2d(2, 4, padding="same"),
        lambda x, weight, bias: nn.conv2d(x, weight, bias, padding="same"),
        {"weight": (2, 4, 4, 4), "bias": (2,)},
    ),
    "ConvTranspose2d": (
        nn.ConvTranspose2d(6, (3, 2), stride=3, padding=1, output_padding=(2, 0), groups=2, dilation=(2, 1)),
        lambda x, weight, bias: nn.conv_transpose2d(x, weight, bias, 3, 1, (2, 0), 2, (2, 1)),
        {"weight": (4, 3, 3, 2), "bias": (6,)},
    ),
    "UpsampleConv2d": (
        nn.UpsampleConv2d(6, 2, 3, 2, 1, 2, 2),
        lambda x, weight, bias: nn.upsample_conv2d(x, weight, bias, 3, 2, 1, 2, 2),
        {"weight": (6, 2, 2, 2), "bias": (6,)},
    ),
    "UpsampleConv2d by default": (
        nn.UpsampleConv2d(6, 2, bias=False),
        lambda x, weight: nn.upsample_conv2d(x, weight),
        {"weight": (6, 4, 2, 2)},
    ),
    "Linear": (
        nn.Linear(5),
        lambda x, weight, bias: x @ weight.T + bias,
        {"weight": (5, 8), "bias": (5,)},
    ),
    "Linear without bias": (nn.Linear(5, bias=False), lambda x, weight: x @ weight.T, {"weight": (5, 8)}),
    "UpsampleNearest": (nn.UpsampleNearest((2, 3)), lambda x: nn.upsample_nearest(x, (2, 3)), {}),
    "MaxPool2d": (nn.MaxPool2d(3, 2, 1, 2, True), lambda x: nn.max_pool2d(x, 3, 2, 1, 2, True), {}),
    "MaxPool2d by default": (nn.MaxPool2d(2), lambda x: nn.max_pool2d(x, 2), {}),
    "AvgPool2d": (nn.AvgPool2d(3, 2, 1, True, False), lambda x: nn.avg_pool2d(x, 3, 2, 1, True, False), {}),
    "AvgPool2d by default": (nn.AvgPool2d(2), lambda x: nn.avg_pool2d(x, 2), {}),
    "ReLU": (nn.ReLU(), torch.relu, {}),
    "LeakyReLU": (nn.LeakyReLU(0.3), lambda x: torch.nn.functional.leaky_relu(x, 0.3), {}),
    "Sigmoid": (nn.Sigmoid(), torch.sigmoid, {}),
    "Tanh": (nn.Tanh(), torch.tanh, {}),
    "Softplus": (nn.Softplus(2.0, 1.0), lambda x: torch.nn.functional.softplus(x, 2.0, 1.0), {}),
}


@pytest.mark.parametrize(("layer", "function", "expected"), LAYERS.values(), ids=LAYERS)
def test_init_and_apply(layer: nn.Layer, function: Any, expected: Any, generator: torch.Generator) -> None:
    params, shape = layer.init(generator, SHAPE)
    assert {name: tuple(value.shape) for name, value in params.items()} == expected
    assert list(params) == list(expected)
    x = torch.rand(3, *SHAPE) - 0.5
    y = layer.apply(params, x)
    assert y.shape == (3, *shape)
    assert torch.equal(y, function(x, **params))


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (nn.Conv2d(64, (5, 3)), 4 * 5 * 3),
        (nn.Conv2d(64, 3, groups=2), 2 * 3 * 3),
        (nn.UpsampleConv2d(64, 3, 2), 4 * 3 * 3),
        (nn.ConvTranspose2d(64, 3), 4 * 3 * 3),
        (nn.ConvTranspose2d(64, 3, groups=2), 2 * 3 * 3),
        (nn.Linear(64), 8),
    ],
)
def test_parameters_start_within_the_bound_of_their_fan_in(
    layer: nn.Layer, fan_in: int, generator: torch.Generator
) -> None:
    params, _ = layer.init(generator, SHAPE)
    for values in params.values():
        assert 0.9 < values.abs().max() * fan_in**0.5 <= 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": (3, 2), "padding": (0, 1), "output_padding": (2, 0), "groups": 2, "bias": False},
        {"dilation": (1, 2), "padding": 1},
        {"padding": 4},
    ],
)
def test_a_transposed_convolution_agrees_with_torchs_module(options: dict[str, Any], generator: Any) -> None:
    layer = nn.ConvTranspose2d(6, (4, 3), **options)
    params, shape = layer.init(generator, SHAPE)
    module = torch.nn.ConvTranspose2d(4, 6, (4, 3), **options)
    assert {name: leaf.shape for name, leaf in params.items()} == {
        name: leaf.shape for name, leaf in module.named_parameters()
    }
    module.load_state_dict(params)
    x = torch.rand(2, *SHAPE)
    required = x.clone().requires_grad_()
    expected = module(required)
    out, pullback = tape.vjp(layer.apply, params, x)
    assert out.shape == (2, *shape)
    torch.testing.assert_close(out, expected.detach())
    in_params, in_x = pullback(torch.ones_like(out))
    gradients = torch.autograd.grad(expected.sum(), [*module.parameters(), required])
    torch.testing.assert_close([*in_params.values(), in_x], list(gradients), rtol=1e-4, atol=1e-5)


def test_initializers_can_be_chosen(generator: torch.Generator) -> None:
    def ones(generator: torch.Generator, shape: Any, fan_in: int) -> Tensor:
        return torch.full(tuple(shape), float(fan_in))

    for make in (nn.Linear, lambda n, **options: nn.Conv2d(n, 1, **options)):
        params, _ = make(2, weight_init=ones, bias_init=nn.zeros).init(generator, SHAPE)
        assert params["weight"].unique().tolist() == [8.0 if make is nn.Linear else 4.0]
        assert params["bias"].eq(0).all()


def test_parameters_share_no_memory_with_another_draw(generator: torch.Generator) -> None:
    layer = nn.Conv2d(2, 2, weight_init=nn.zeros)
    first, second = layer.init(generator, SHAPE)[0], layer.init(generator, SHAPE)[0]
    first["weight"].fill_(1)
    assert second["weight"].eq(0).all()


def test_apply_changes_nothing_that_it_is_given(generator: torch.Generator) -> None:
    for layer, _, _ in LAYERS.values():
        params, _ = layer.init(generator, SHAPE)
        x = torch.rand(1, *SHAPE)
        given = tape.tree.leaves((params, x))
        copies = [value.clone() for value in given]
        layer.apply(params, x)
        assert all(torch.equal(a, b) for a, b in zip(given, copies, strict=True))


@pytest.mark.parametrize(
    ("layer", "shape", "said"),
    [
        (nn.Conv2d(4, 3, groups=3), (4, 8, 8), "3 groups do not divide the 4 channels"),
        (nn.Conv2d(4, 3, groups=8), (4, 8, 8), "8 groups do not divide the 4 channels"),
        (nn.Conv2d(3, 3, groups=2), (4, 8, 8), "2 groups do not divide 4 and 3"),
        (nn.ConvTranspose2d(4, 3, groups=3), (4, 8, 8), "3 groups do not divide the 4 channels"),
        (nn.Conv2d(4, 3, padding="wide"), (4, 8, 8), "'wide'"),
        (nn.Conv2d(4, 9), (4, 8, 8), r"window of \(9, 9\)"),
        (nn.Conv2d(4, 0), (4, 8, 8), "kernel_size must be at least 1"),
        (nn.Conv2d(4, 3), (4, 8), "the weight expects images"),
        (nn.MaxPool2d(9), (4, 8, 8), r"window of \(9, 9\)"),
    ],
)
def test_what_does_not_fit_is_found_by_init(layer: nn.Layer, shape: Any, said: str, generator: Any) -> None:
    with pytest.raises(ValueError, match=said):
        layer.init(generator, shape)
