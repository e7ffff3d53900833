import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

from n2n.classical.noise_level import noise_deviation, photon_count


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.5))
def test_the_deviation_of_noise_is_estimated(seed: int, sigma: float) -> None:
    slope = torch.linspace(0, 1, 64).expand(2, 3, 64, 64)
    noisy = slope + sigma * torch.randn(2, 3, 64, 64, generator=generator(seed))
    assert noise_deviation(noisy).tolist() == pytest.approx([sigma, sigma], rel=0.08)


def test_a_picture_without_noise_has_none() -> None:
    slope = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert float(noise_deviation(slope)) == pytest.approx(0, abs=1e-6)
    assert float(noise_deviation(torch.zeros(1, 3, 64, 64))) == 0


def test_parts_that_are_cut_off_at_black_do_not_hide_the_noise() -> None:
    picture = torch.zeros(1, 1, 128, 128)
    picture[..., 80:, :] = 0.5 + 0.05 * torch.randn(48, 128, generator=generator())
    assert float(noise_deviation(picture)) == pytest.approx(0.05, rel=0.08)


def test_of_a_large_picture_some_rows_are_enough() -> None:
    noisy = 0.5 + 0.1 * torch.randn(1, 1, 2000, 1500, generator=generator())
    assert float(noise_deviation(noisy)) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_the_smallest_pictures_have_an_estimate(shape: tuple[int, int]) -> None:
    assert noise_deviation(torch.full((2, 3, *shape), 0.5)).tolist() == [0, 0]
    assert photon_count(torch.full((3, *shape), 0.5)) == 1e6


@pytest.mark.parametrize("peak", [10, 30, 100, 1000])
def test_the_count_of_photons_is_estimated(peak: float) -> None:
    scene = torch.linspace(0.2, 0.8, 256).expand(3, 256, 256)
    noisy = torch.poisson(scene * peak, generator=generator()) / peak
    assert photon_count(noisy) == pytest.approx(peak, rel=0.15)
