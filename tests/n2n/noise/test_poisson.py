import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from n2n.noise import Poisson
from tests.n2n.noise.helpers import correlation, pictures
from tests.n2n.samples import generator


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(1, 100), st.floats(0.05, 1))
def test_poisson_noise_has_its_mean_and_variance(seed: int, peak: float, level: float) -> None:
    clean = torch.full((2, 3, 64, 64), level)
    noise = Poisson(peak, peak)(clean, generator(seed)) - clean
    deviation = math.sqrt(level / peak)
    assert abs(float(noise.mean())) < 6 * deviation / math.sqrt(noise.numel())
    kurtosis = 3 + 1 / (peak * level)
    assert float(noise.square().mean()) == pytest.approx(
        deviation**2, rel=6 * math.sqrt((kurtosis - 1) / noise.numel())
    )


def test_poisson_noise_counts_whole_photons() -> None:
    counts = Poisson(7, 7)(pictures(1, 16, 16), generator()) * 7
    torch.testing.assert_close(counts, counts.round())


def test_a_range_of_counts_may_begin_at_none() -> None:
    noisy = Poisson(0, 1e-6 + 1e-3)(torch.ones(4, 1, 8, 8), generator())
    assert bool(noisy.isfinite().all())


def test_the_channels_count_photons_of_their_own() -> None:
    red, green, blue = Poisson(20, 20)(torch.full((1, 3, 128, 128), 0.4), generator())[0]
    assert abs(correlation(red, green)) < 6 / 128
    assert abs(correlation(red, blue)) < 6 / 128


def test_a_range_draws_a_count_for_each_image() -> None:
    clean = torch.ones(400, 1, 24, 24)
    peaks = 1 / Poisson(5, 45)(clean, generator()).var(dim=(1, 2, 3))
    assert float(peaks.min()) == pytest.approx(5, abs=2)
    assert float(peaks.max()) == pytest.approx(45, abs=10)
    assert float(peaks.mean()) == pytest.approx(25, abs=3)
