"""The report's networks and their transposed variants, beside torch modules written from the report's appendices."""

from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import Conv2d, ConvTranspose2d, ReLU, Sequential, Sigmoid, Upsample

import tape
from n2n import network

# Input and output channels, kernel, and the size after each layer, read off the report's appendices.
REPORT = {
    "net1": [(12, 3, 4), (9, 12, 4), (12, 9, 4), (3, 12, 3)],
    "net2": [(12, 3, 3), (12, 12, 3), (9, 12, 4), (3, 9, 3)],
    "net3": [(12, 3, 2), (9, 12, 2), (12, 9, 4), (3, 12, 5)],
    "net4": [(12, 3, 2), (9, 12, 2), (12, 9, 2), (3, 12, 3)],
}


@pytest.mark.parametrize(("name", "layers"), REPORT.items())
def test_the_reports_networks_have_its_layers(name: str, layers: list[tuple[int, int, int]]) -> None:
    params, _ = network(name).init(Generator().manual_seed(0), (3, 32, 32))
    assert [tuple(layer["weight"].shape) for layer in params.values()] == [(o, i, k, k) for o, i, k in layers]
    for layer, (_, channels, kernel) in zip(params.values(), layers, strict=True):
        bound = 1 / (channels * kernel * kernel) ** 0.5
        for leaf in layer.values():
            assert leaf.abs().max() <= bound
            assert leaf.abs().max() > 0.3 * bound


@pytest.mark.parametrize(("name", "layers"), REPORT.items())
def test_transposed_variants_have_the_channels_and_kernels_of_the_reports(
    name: str, layers: list[tuple[int, int, int]]
) -> None:
    params, _ = network(f"{name}-transposed").init(Generator().manual_seed(0), (3, 32, 32))
    shapes = [(o, i, k, k) for o, i, k in layers[:2]] + [(i, o, k, k) for o, i, k in layers[2:]]
    assert [tuple(layer["weight"].shape) for layer in params.values()] == shapes


def up(scale: int, *layer: Any, **options: Any) -> Sequential:
    return Sequential(Upsample(scale_factor=scale), Conv2d(*layer, **options))


def hourglass(*layers: Any) -> Sequential:
    down1, down2, up1, up2 = layers
    return Sequential(down1, ReLU(), down2, ReLU(), up1, ReLU(), up2, Sigmoid())


def oracles() -> dict[str, Sequential]:
    def down1() -> tuple[Conv2d, Conv2d]:
        return Conv2d(3, 12, 4, 2, 2), Conv2d(12, 9, 4, 2, 2)

    def down2() -> tuple[Conv2d, Conv2d]:
        return Conv2d(3, 12, 3, 2, 2), Conv2d(12, 12, 3, 2, 2)

    def down34() -> tuple[Conv2d, Conv2d]:
        return Conv2d(3, 12, 2, 2), Conv2d(12, 9, 2, 2, 1)

    return {
        "net1": hourglass(*down1(), up(2, 9, 12, 4, padding=1), up(2, 12, 3, 3)),
        "net2": hourglass(*down2(), up(2, 12, 9, 4), up(2, 9, 3, 3)),
        "net3": hourglass(*down34(), up(3, 9, 12, 4, stride=2), up(3, 12, 3, 5)),
        "net4": hourglass(*down34(), up(2, 9, 12, 2), up(2, 12, 3, 3)),
        "net1-transposed": hourglass(*down1(), ConvTranspose2d(9, 12, 4, 2, 2, 1), ConvTranspose2d(12, 3, 3, 2, 2, 1)),
        "net2-transposed": hourglass(*down2(), ConvTranspose2d(12, 9, 4, 2, 3, 1), ConvTranspose2d(9, 3, 3, 2, 2, 1)),
        "net3-transposed": hourglass(*down34(), ConvTranspose2d(9, 12, 4), ConvTranspose2d(12, 3, 5, 3, 3)),
        "net4-transposed": hourglass(*down34(), ConvTranspose2d(9, 12, 2, 2, 1, 1), ConvTranspose2d(12, 3, 3, 2, 2, 1)),
        "stride1-transposed": Sequential(
            Conv2d(3, 32, 3, padding=1),
            ReLU(),
            Conv2d(32, 64, 3, padding=1),
            ReLU(),
            ConvTranspose2d(64, 32, 3, padding=1),
            ReLU(),
            ConvTranspose2d(32, 3, 3, padding=1),
        ),
    }


@pytest.mark.parametrize("name", oracles())
def test_output_and_gradients_agree_with_torchs_modules(name: str) -> None:
    net, oracle = network(name), oracles()[name].double()
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    params = tape.tree.map(Tensor.double, params)
    ours, theirs = tape.tree.leaves(params), list(oracle.parameters())
    with torch.no_grad():
        for leaf, parameter in zip(ours, theirs, strict=True):
            parameter.copy_(leaf)
    x = torch.rand(2, 3, 32, 32, generator=Generator().manual_seed(1), dtype=torch.float64)
    required = x.clone().requires_grad_()
    expected = oracle(required)
    out, pullback = tape.vjp(net.apply, params, x)
    torch.testing.assert_close(out, expected.detach())
    g = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).reshape(out.shape)
    in_params, in_x = pullback(g)
    gradients = torch.autograd.grad(expected, [*theirs, required], g)
    torch.testing.assert_close([*tape.tree.leaves(in_params), in_x], list(gradients))


@pytest.mark.parametrize("name", [name for name in oracles() if not name.startswith("net3")])
def test_larger_images_agree_with_torchs_modules_too(name: str) -> None:
    net, oracle = network(name), oracles()[name]
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    with torch.no_grad():
        for leaf, parameter in zip(tape.tree.leaves(params), oracle.parameters(), strict=True):
            parameter.copy_(leaf)
        x = torch.rand(2, 3, 40, 52, generator=Generator().manual_seed(1))
        torch.testing.assert_close(net.apply(params, x), oracle(x))
