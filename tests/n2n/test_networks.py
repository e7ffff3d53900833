import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Generator

import tape
from n2n import network
from n2n.errors import InputError
from n2n.networks import gaussian_blur, networks

PARAMETERS = {"net4": 1368, "stride1": 38_723, "unet": 991_203}


def parameters(name: str) -> int:
    params, _ = network(name).init(Generator().manual_seed(0), (3, 32, 32))
    return sum(leaf.numel() for leaf in tape.tree.leaves(params))


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_networks_have_the_published_number_of_parameters(name: str, count: int) -> None:
    assert parameters(name) == count


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


@pytest.mark.parametrize("name", networks)
@pytest.mark.parametrize("channels", [1, 3])
def test_networks_give_back_the_shape_they_get(name: str, channels: int) -> None:
    net = network(name, channels)
    params, shape = net.init(Generator().manual_seed(0), (channels, 32, 32))
    assert shape == (channels, 32, 32)
    assert net.apply(params, torch.rand(2, channels, 32, 32)).shape == (2, channels, 32, 32)


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_unet_takes_images_of_any_size(height: int, width: int) -> None:
    net = network("unet")
    params, shape = net.init(Generator().manual_seed(0), (3, height, width))
    assert shape == net.apply(params, torch.rand(1, 3, height, width)).shape[1:]


def test_residual_network_begins_as_the_blur() -> None:
    net = network("residual")
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    x = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(net.apply(params, x), gaussian_blur(x, 0.6))


@given(sigma=st.floats(0.3, 2.0), height=st.integers(1, 12), width=st.integers(1, 12))
def test_blur_agrees_with_scipy(sigma: float, height: int, width: int) -> None:
    x = torch.rand(1, 2, height, width, dtype=torch.float64)
    radius = max(round(4 * sigma), 1)
    expected = gaussian_filter(x.numpy(), (0, 0, sigma, sigma), mode="nearest", radius=(0, 0, radius, radius))
    torch.testing.assert_close(gaussian_blur(x, sigma), torch.from_numpy(expected))


def test_an_unknown_network_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="stride1"):
        network("strid1")
