import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

import nn
from n2n import network
from n2n.checkpoint import Checkpoint
from n2n.denoise import Trained, denoise
from n2n.settings import Settings
from n2n.training import State

anchor = {"unused": torch.zeros(1)}


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    tile=st.sampled_from([8, 16, 32]),
    channels=st.sampled_from([1, 3]),
)
def test_tiles_put_a_picture_together_again(height: int, width: int, tile: int, channels: int) -> None:
    image = torch.rand(channels, height, width)
    out = denoise(Trained(nn.identity, anchor, 3, tile), image)
    torch.testing.assert_close(out, image)


def test_tiles_show_no_seam_away_from_borders() -> None:
    net = network("residual")
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    params["4"]["weight"] = 0.02 * torch.randn(3, 32, 3, 3, generator=Generator().manual_seed(1))
    image = torch.rand(3, 150, 170, generator=Generator().manual_seed(2)) * 0.6 + 0.2
    tiled = denoise(Trained(net, params, 3, tile=64), image)
    whole = net.apply(params, image[None])[0].clamp(0, 1)
    inside = (slice(None), slice(8, -8), slice(8, -8))
    assert (whole - image).abs().mean() > 0.02
    assert (tiled - whole)[inside].abs().max() < 1 / 255


@pytest.mark.parametrize("name", ["net1", "net2", "net3", "net4"])
def test_the_reports_networks_denoise_pictures_of_any_size(name: str) -> None:
    net = network(name)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    assert denoise(Trained(net, params, 3, 32), torch.rand(3, 45, 77)).shape == (3, 45, 77)


def test_what_comes_out_is_a_picture() -> None:
    out = denoise(Trained(nn.elementwise(lambda x: 3 * x - 1), anchor, 1), torch.rand(1, 20, 20))
    assert out.min() == 0
    assert out.max() == 1


def test_the_average_of_the_parameters_is_denoised_with_where_there_is_one() -> None:
    settings = Settings(network="net4", average=0.9)
    params, average = (settings.layer(3).init(Generator().manual_seed(seed), (3, 32, 32))[0] for seed in (0, 1))
    state = State(params, settings.optimizer().init(params), Generator().get_state(), 1, average)
    assert Trained.from_checkpoint(Checkpoint(settings, state, (3, 32, 32), None)).params is average
    plain = Checkpoint(settings, state._replace(average=None), (3, 32, 32), None)
    assert Trained.from_checkpoint(plain).params is params
