import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

import nn
import tape
from n2n.classical.noise_level import noise_deviation
from n2n.classical.sliding_dct import sliding_dct
from n2n.networks.guided import guided, with_level


def trained_a_little(channels: int) -> nn.Params:
    """Parameters whose last layer is not zero, as it is at first."""
    params, _ = guided(channels).init(Generator().manual_seed(0), (channels, 32, 32))
    params["4"]["weight"] = 0.05 * torch.randn(params["4"]["weight"].shape, generator=Generator().manual_seed(1))
    return params


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_pictures_have_any_size(height: int, width: int) -> None:
    picture = torch.rand(1, 1, height, width)
    assert guided(1).apply(trained_a_little(1), picture).shape == picture.shape


def test_the_noise_is_estimated_where_it_is_not_told() -> None:
    params, picture = trained_a_little(3), torch.rand(1, 3, 40, 56)
    estimated = noise_deviation(picture)
    alone = guided(3).apply(params, picture)
    torch.testing.assert_close(guided(3).apply(params, with_level(picture, estimated)), alone)
    assert not torch.allclose(guided(3).apply(params, with_level(picture, 2 * estimated)), alone)


def test_it_begins_as_sliding_cosine_transforms() -> None:
    params, _ = guided(3).init(Generator().manual_seed(0), (3, 32, 32))
    pictures = torch.rand(2, 3, 24, 33)
    torch.testing.assert_close(guided(3).apply(params, pictures), sliding_dct(pictures, noise_deviation(pictures)))


def test_nothing_is_taken_from_a_picture_without_noise() -> None:
    picture = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(guided(3).apply(trained_a_little(3), with_level(picture, torch.zeros(1))), picture)


@pytest.mark.parametrize("channels", [1, 3])
def test_derivatives_reach_every_parameter(channels: int) -> None:
    params, noisy = trained_a_little(channels), torch.rand(2, channels, 32, 32)
    grads = tape.grad(lambda params: guided(channels).apply(params, noisy).square().mean())(params)
    assert all(bool(grad.abs().max() > 0) for grad in tape.tree.leaves(grads))
