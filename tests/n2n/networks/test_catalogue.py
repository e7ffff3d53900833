"""What all networks have in common."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st
from torch import Generator, Tensor

import nn
import optim
import tape
from n2n import network, training_step
from n2n.errors import InputError
from n2n.networks import GUIDED, TILES, networks

every = pytest.mark.parametrize("name", networks)

PARAMETERS = {
    "net1": 4392,
    "net2": 3627,
    "net3": 3240,
    "net4": 1368,
    "net1-transposed": 4392,
    "net2-transposed": 3627,
    "net3-transposed": 3240,
    "net4-transposed": 1368,
    "stride1": 38_723,
    "stride1-transposed": 38_723,
    "residual": 11_011,
    "residual-unet": 991_203,
    "unet": 991_203,
    "unet-small": 249_075,
    "guided": 419_836,
}


def begun(name: str, channels: int = 3, dtype: torch.dtype = torch.float32) -> tuple[nn.Layer, nn.Params]:
    net = network(name, channels)
    params, _ = net.init(Generator().manual_seed(0), (channels, 32, 32))
    return net, tape.tree.map(lambda leaf: leaf.to(dtype), params)


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, generator=Generator().manual_seed(1), dtype=dtype)


def test_networks_have_their_number_of_parameters() -> None:
    counts = {name: sum(leaf.numel() for leaf in tape.tree.leaves(begun(name)[1])) for name in networks}
    assert counts == PARAMETERS


@every
@pytest.mark.parametrize("channels", [1, 3])
def test_networks_give_back_the_shape_they_get(name: str, channels: int) -> None:
    net = network(name, channels)
    params, shape = net.init(Generator().manual_seed(0), (channels, 32, 32))
    assert shape == (channels, 32, 32)
    assert net.apply(params, noise(2, channels, 32, 32)).shape == (2, channels, 32, 32)


@every
@options(max_examples=8)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_networks_take_images_of_any_size(name: str, height: int, width: int) -> None:
    net = network(name, 1)
    params, shape = net.init(Generator().manual_seed(0), (1, height, width))
    assert shape == (1, height, width)
    assert net.apply(params, noise(2, 1, height, width)).shape == (2, *shape)


@every
@pytest.mark.parametrize("size", [(1, 1), (1, 33), (31, 2), (5, 7)])
def test_networks_take_the_smallest_and_the_oddest_images(name: str, size: tuple[int, int]) -> None:
    net, params = begun(name)
    out = net.apply(params, noise(1, 3, *size))
    assert out.shape == (1, 3, *size)
    assert out.isfinite().all()


@every
def test_parameters_do_not_depend_on_the_size_of_the_images(name: str) -> None:
    net, params = begun(name)
    other, _ = net.init(Generator().manual_seed(0), (3, 45, 7))
    assert tape.tree.paths(other) == tape.tree.paths(params)
    assert all(torch.equal(a, b) for a, b in zip(tape.tree.leaves(other), tape.tree.leaves(params), strict=True))


@every
@pytest.mark.parametrize(("dtype", "batch"), [(torch.float32, 3), (torch.float64, 1)])
def test_every_network_takes_a_training_step(name: str, dtype: torch.dtype, batch: int) -> None:
    """Of an odd batch, cut into microbatches that do not divide it."""
    net, params = begun(name, dtype=dtype)
    optimizer = optim.adam(1e-4)
    noisy, target = noise(2, batch, 3, 32, 32, dtype=dtype)
    step, state = training_step(net, nn.mse_loss, optimizer, 2), optimizer.init(params)
    losses: list[Any] = []
    for _ in range(2):
        params, state, loss = step(params, state, noisy, target)
        losses.append(loss)
    assert losses[0].dtype == dtype
    assert losses[1] < losses[0]
    assert all(leaf.dtype == dtype for leaf in tape.tree.leaves(params))


@every
def test_every_network_says_in_a_line_what_it_is(name: str) -> None:
    line = (networks[name].__doc__ or "").strip().splitlines()[0]
    assert line.endswith(".")
    assert len(line) < 110


# The reach of the U-Nets is about as far as their scales go, and the guided one estimates noise from all of an image.
SHORT_SIGHTED = [name for name in networks if name not in {*TILES, *GUIDED} and "unet" not in name]


@pytest.mark.parametrize("name", SHORT_SIGHTED)
def test_networks_but_those_of_tiles_see_no_squares(name: str) -> None:
    """A part of an image has the same output as in the whole, away from the part's edges."""
    net, params = begun(name, 1, torch.float64)
    params = tape.tree.map(lambda leaf: leaf + 0.1, params)
    scene = noise(1, 1, 80, 80, dtype=torch.float64)
    whole = net.apply(params, scene)[:, :, :48, :48]
    part = net.apply(params, scene[:, :, :64, :64])[:, :, :48, :48]
    torch.testing.assert_close(part, whole)


@pytest.mark.parametrize("name", TILES)
def test_networks_of_tiles_see_a_square_at_a_time(name: str) -> None:
    net, params = begun(name, 1, torch.float64)
    scene = noise(1, 1, 64, 96, dtype=torch.float64)
    side = TILES[name]
    whole = net.apply(params, scene)[:, :, side:, side : 2 * side]
    torch.testing.assert_close(whole, net.apply(params, scene[:, :, side:, side : 2 * side]))


def test_an_unknown_network_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="stride1"):
        network("strid1")
