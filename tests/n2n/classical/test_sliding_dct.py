"""Block by block as it is defined, and what follows from the definition."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dctn, idctn
from torch import Generator, Tensor

from n2n.classical.sliding_dct import sliding_dct
from n2n.metrics import psnr

seeds = st.integers(0, 99)
sides = st.integers(1, 12)
channels = st.sampled_from((1, 3))


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


def block_by_block(image: Tensor, least: float) -> Tensor:
    """The definition, with SciPy's transform."""
    _, height, width = image.shape
    padded = np.pad(image.numpy(), ((0, 0), (7, 7), (7, 7)), mode="symmetric")
    total, weights = np.zeros_like(padded), np.zeros_like(padded)
    for row in range(height + 7):
        for column in range(width + 7):
            place = np.s_[:, row : row + 8, column : column + 8]
            coefficients = dctn(padded[place], norm="ortho")
            kept = np.abs(coefficients) > least
            kept[:, 0, 0] = True
            total[place] += idctn(coefficients * kept, norm="ortho") / kept.sum()
            weights[place] += 1 / kept.sum()
    return torch.from_numpy(total / weights)[:, 7 : 7 + height, 7 : 7 + width]


@given(seeds, channels, sides, sides, st.floats(0.01, 0.5))
def test_each_block_is_shrunk_and_counts_by_what_it_keeps(
    seed: int, channels: int, height: int, width: int, deviation: float
) -> None:
    image = drawn(seed, channels, height, width)
    result = sliding_dct(image[None], torch.tensor([deviation]).double(), threshold=2)
    torch.testing.assert_close(result[0], block_by_block(image, 2 * deviation))


@given(seeds, channels, sides, sides)
def test_without_noise_an_image_stays_as_it_is(seed: int, channels: int, height: int, width: int) -> None:
    images = drawn(seed, 2, channels, height, width)
    torch.testing.assert_close(sliding_dct(images, torch.zeros(2)), images)


@given(seeds, st.integers(0, 3), st.booleans())
def test_a_turned_or_flipped_image_gives_the_result_turned_or_flipped(seed: int, turns: int, flipped: bool) -> None:
    images, deviation = drawn(seed, 1, 3, 9, 14), torch.tensor([0.2])

    def turned(each: Tensor) -> Tensor:
        return (each.flip(3) if flipped else each).rot90(turns, (2, 3))

    torch.testing.assert_close(sliding_dct(turned(images), deviation), turned(sliding_dct(images, deviation)))


def test_each_image_has_its_own_noise() -> None:
    images, deviations = drawn(0, 2, 3, 16, 16), torch.tensor([0.1, 0.3])
    alone = [sliding_dct(images[[k]], deviations[[k]]) for k in range(2)]
    torch.testing.assert_close(sliding_dct(images, deviations), torch.cat(alone))


@pytest.mark.parametrize("sigma", [0.05, 0.1, 0.2])
def test_most_of_the_noise_goes_and_the_edges_stay(sigma: float) -> None:
    scene = torch.full((1, 3, 64, 64), 0.25)
    scene[..., 20:45, 30:] = 0.75
    noisy = scene + sigma * torch.randn(scene.shape, generator=Generator().manual_seed(0))
    gain = psnr(sliding_dct(noisy, torch.tensor([sigma])), scene).mean - psnr(noisy, scene).mean
    assert gain > 10
