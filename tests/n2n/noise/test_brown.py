import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from n2n.noise import Brown
from tests.n2n.noise.helpers import correlation
from tests.n2n.samples import generator

PATCH = 4 * math.pi * 3**2  # pixels that hold as much chance as one of white noise


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.floats(1, 100), st.floats(0, 1))
def test_brown_noise_has_its_mean_and_deviation(seed: int, sigma: float, level: float) -> None:
    clean = torch.full((2, 3, 256, 256), level)
    noise = (Brown(sigma, sigma)(clean, generator(seed)) - clean) * 255
    samples = noise.numel() / PATCH
    assert abs(float(noise.mean())) < 6 * sigma / math.sqrt(samples)
    assert float(noise.square().mean().sqrt()) == pytest.approx(sigma, rel=6 / math.sqrt(2 * samples))


def test_every_pixel_has_the_same_deviation_also_at_the_edges() -> None:
    noise = Brown(50, 50)(torch.zeros(4000, 1, 5, 7), generator()) * 255
    torch.testing.assert_close(noise.std(0), torch.full((1, 5, 7), 50.0), rtol=0.08, atol=0)
    assert float(noise.mean(0).abs().max()) < 6 * 50 / math.sqrt(4000)


@pytest.mark.parametrize("distance", [1, 3, 6, 20])
def test_neighbours_correlate_as_under_a_gaussian_and_channels_do_not(distance: int) -> None:
    noise = Brown(25, 25)(torch.zeros(4, 3, 384, 384), generator())
    bound = 6 / math.sqrt(noise.numel() / PATCH)
    expected = math.exp(-(distance**2) / 36)
    assert correlation(noise[..., distance:], noise[..., :-distance]) == pytest.approx(expected, abs=bound)
    assert correlation(noise[..., distance:, :], noise[..., :-distance, :]) == pytest.approx(expected, abs=bound)
    assert abs(correlation(noise[:, 0], noise[:, 1])) < 2 * bound


def test_a_range_draws_a_strength_for_each_image() -> None:
    deviations = Brown(10, 50)(torch.zeros(60, 1, 96, 96), generator()).std(dim=(1, 2, 3)) * 255
    assert 6 < float(deviations.min()) < 15
    assert 40 < float(deviations.max()) < 65
