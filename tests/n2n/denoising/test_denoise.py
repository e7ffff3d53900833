from collections.abc import Iterator, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

import nn
from n2n import network
from n2n.denoising.denoise import Tile, Trained, denoise, spans
from n2n.denoising.weights import bundled
from n2n.networks import GUIDED, TILES, networks
from n2n.training.checkpoint import Checkpoint
from n2n.training.settings import Settings
from n2n.training.state import State
from nn import Layer
from tape import tree

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


def scene(height: int, width: int, channels: int = 3) -> Tensor:
    """Squares of 32 pixels, with noise of a deviation of 0.05."""
    drawn = Generator().manual_seed(2)
    squares = 0.2 + 0.6 * torch.rand(channels, -(-height // 32), -(-width // 32), generator=drawn)
    whole = squares.repeat_interleave(32, 1).repeat_interleave(32, 2)[:, :height, :width]
    return (whole + 0.05 * torch.randn(whole.shape, generator=drawn)).clamp(0, 1)


def seam(trained: Trained, image: Tensor) -> float:
    """How far the result in tiles is from that in one piece, away from borders."""
    whole = denoise(trained._replace(tile=1024), image)
    assert (whole - image).abs().mean() > 0.01
    return float((denoise(trained, image) - whole)[:, 24:-24, 24:-24].abs().max())


@pytest.mark.parametrize("name", sorted(networks.keys() - TILES.keys()))
def test_tiles_show_no_seam_away_from_borders(name: str) -> None:
    net = network(name)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    drawn = Generator().manual_seed(1)
    # Of trained networks the coarse scales say less than of those just begun, and the last layer is not zero.
    params = tree.map(
        lambda leaf: 0.6 * leaf if bool(leaf.any()) else 0.02 * torch.randn(leaf.shape, generator=drawn), params
    )
    assert seam(Trained(net, params, 3, guided=name in GUIDED), scene(96, 350)) < 0.1 / 255


def test_tiles_of_the_bundled_network_show_no_seam() -> None:
    assert seam(bundled("gaussian", torch.device("cpu")), scene(120, 350)) < 1 / 255


@given(size=st.integers(1, 2000), tile=st.sampled_from([32, 128, 256]))
def test_at_each_pixel_the_weights_of_the_tiles_add_up_to_one(size: int, tile: int) -> None:
    total = torch.zeros(size + tile)
    cut = spans(size, tile)
    for start, weights in cut:
        assert len(weights) <= tile
        assert len(weights) == len(cut[0].weights)
        assert tile == 32 or start % 32 == len(weights) % 32 == 0
        total[start : start + len(weights)] += weights
    torch.testing.assert_close(total[:size], torch.ones(size))


def test_the_network_runs_as_a_program_where_there_are_many_tiles_and_takes_each_pictures_numbers() -> None:
    calls = 0

    def apply(params: nn.Params, x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return x[:, :3] * params["scale"] + x[:, 3:]

    network = Layer(nn.identity.init, apply)
    for scale, sigma in ((0.5, 0.1), (0.25, 0.1), (0.25, 0.3)):
        trained = Trained(network, {"scale": torch.tensor(scale)}, 3, tile=32, guided=True)
        image = torch.rand(3, 200, 300)
        torch.testing.assert_close(denoise(trained, image, sigma=sigma), image * scale + sigma)
    assert 1 <= calls <= torch.get_num_threads()


@pytest.mark.parametrize(("height", "width"), [(40, 40), (33, 70)])
def test_the_eight_orientations_are_averaged(height: int, width: int) -> None:
    uneven = Trained(nn.elementwise(lambda x: 0.5 * x + 0.3 * x.roll(1, 3) + 0.1 * x.roll(2, 2) ** 2), anchor, 3)
    image = scene(height, width)
    turned = [(turns, flip) for turns in range(4) for flip in ((), (2,))]
    each = [denoise(uneven, image.rot90(turns, (1, 2)).flip(flip)) for turns, flip in turned]
    back = [out.flip(flip).rot90(-turns, (1, 2)) for out, (turns, flip) in zip(each, turned, strict=True)]
    inside = (slice(None), slice(4, -4), slice(4, -4))
    averaged = denoise(uneven, image, orientations=8)
    torch.testing.assert_close(averaged[inside], torch.stack(back).mean(0)[inside])
    assert not torch.allclose(averaged[inside], each[0][inside], atol=1e-2)


def test_a_picture_is_not_changed_by_being_denoised() -> None:
    image = scene(40, 300)
    before = image.clone()
    for orientations in (1, 8):
        denoise(Trained(nn.identity, anchor, 3), image, orientations)
    assert torch.equal(image, before)


def test_every_tile_is_told_the_noise_of_the_whole_picture() -> None:
    level = Layer(nn.identity.init, lambda params, x: x[:, 3:].expand(-1, 3, -1, -1))
    trained = Trained(level, anchor, 3, tile=32, guided=True)
    image = 0.5 + 0.05 * torch.randn(3, 64, 96, generator=Generator().manual_seed(0))
    out = denoise(trained, image)
    assert float(out.min()) == pytest.approx(float(out.max()))
    assert float(out.mean()) == pytest.approx(0.05, rel=0.1)
    assert denoise(trained, image, sigma=0.2).mean() == pytest.approx(0.2)
    # In grey as colour the same noise is in every channel, as strong as independent noise of this deviation.
    assert denoise(trained, image[:1], sigma=0.2).mean() == pytest.approx(0.2 * 3**0.5)


@pytest.mark.parametrize(("orientations", "sigma", "guided"), [(4, None, False), (1, 0.1, False), (1, -0.1, True)])
def test_what_makes_no_sense_is_refused(orientations: int, sigma: float | None, guided: bool) -> None:
    with pytest.raises(ValueError, match=r"orientations|sigma"):
        denoise(Trained(nn.identity, anchor, 3, guided=guided), torch.rand(3, 8, 8), orientations, sigma)


def test_tiles_go_through_what_shows_their_progress() -> None:
    seen: list[Tile] = []

    def track(tiles: Sequence[Tile]) -> Iterator[Tile]:
        for tile in tiles:
            seen.append(tile)
            yield tile

    denoise(Trained(nn.identity, anchor, 3, tile=32), torch.rand(3, 40, 70), track=track)
    assert [(down.start, across.start) for down, across in seen] == [(y, x) for y in (0, 24) for x in (0, 24, 48)]


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
