import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from n2n.noise import Gaussian
from tests.n2n.noise.helpers import correlation
from tests.n2n.samples import generator


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(1, 100), st.floats(0, 1))
def test_gaussian_noise_has_its_mean_and_deviation(seed: int, sigma: float, level: float) -> None:
    clean = torch.full((2, 3, 64, 64), level)
    noise = (Gaussian(sigma, sigma)(clean, generator(seed)) - clean) * 255
    assert abs(float(noise.mean())) < 6 * sigma / math.sqrt(noise.numel())
    assert float(noise.std()) == pytest.approx(sigma, rel=0.03)


def test_the_channels_have_noise_of_their_own() -> None:
    red, green, _ = Gaussian(25, 25)(torch.zeros(1, 3, 128, 128), generator())[0]
    assert abs(correlation(red, green)) < 6 / 128


def test_a_range_draws_a_strength_for_each_image() -> None:
    clean = torch.zeros(400, 1, 16, 16)
    deviations = Gaussian(10, 50)(clean, generator()).std(dim=(1, 2, 3)) * 255
    assert float(deviations.min()) == pytest.approx(10, abs=2)
    assert float(deviations.max()) == pytest.approx(50, abs=6)
    assert float(deviations.mean()) == pytest.approx(30, abs=2)
