import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Generator

from n2n import network
from n2n.networks import gaussian_blur


@pytest.mark.parametrize("name", ["residual", "residual-unet"])
@pytest.mark.parametrize("size", [(32, 32), (5, 1)])
def test_residual_networks_begin_as_the_blur(name: str, size: tuple[int, int]) -> None:
    net = network(name)
    params, _ = net.init(Generator().manual_seed(0), (3, *size))
    x = torch.rand(1, 3, *size)
    torch.testing.assert_close(net.apply(params, x), gaussian_blur(x, 0.6))


@given(sigma=st.floats(0.3, 2.0), height=st.integers(1, 12), width=st.integers(1, 12))
def test_blur_agrees_with_scipy(sigma: float, height: int, width: int) -> None:
    x = torch.rand(1, 2, height, width, dtype=torch.float64)
    radius = max(round(4 * sigma), 1)
    expected = gaussian_filter(x.numpy(), (0, 0, sigma, sigma), mode="nearest", radius=(0, 0, radius, radius))
    torch.testing.assert_close(gaussian_blur(x, sigma), torch.from_numpy(expected))
