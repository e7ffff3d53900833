import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from n2n.metrics import decibels, paired_psnr, paired_squared_errors, psnr, squared_errors, ssim


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(count: int = 4, size: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=generator(seed))


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_psnr_is_the_mean_over_images_and_that_of_all_pixels(seed: int, count: int) -> None:
    reference = batch(count, seed=seed)
    images = batch(count, seed=seed + 1)
    each = [
        peak_signal_noise_ratio(one.double().numpy(), other.double().numpy(), data_range=1)
        for one, other in zip(reference, images, strict=True)
    ]
    result = psnr(images, reference)
    assert result.mean == pytest.approx(np.mean(each), abs=1e-4)
    mse = float((images - reference).double().square().mean())
    assert result.overall == pytest.approx(-10 * math.log10(mse), abs=1e-4)
    assert result.mean >= result.overall - 1e-6


def test_what_is_measured_is_clamped_first() -> None:
    reference = batch()
    beyond = torch.where(reference > 0.5, torch.tensor(3.0), torch.tensor(-3.0))
    assert psnr(beyond, reference) == psnr(beyond.clamp(0, 1), reference)
    assert torch.equal(ssim(beyond, reference), ssim(beyond.clamp(0, 1), reference))


def test_equal_images_are_infinitely_good() -> None:
    assert psnr(batch(), batch()) == (math.inf, math.inf)
    torch.testing.assert_close(ssim(batch(), batch()), torch.ones(4, dtype=torch.float64))


def test_errors_of_several_sizes_can_be_gathered() -> None:
    one, other = batch(2, 16), batch(1, 32)
    errors = torch.cat([squared_errors(one + 0.1, one + 0.0), squared_errors(other * 0, other)])
    assert errors.shape == (3,)
    assert float(decibels(torch.tensor(0.01))) == pytest.approx(20)


def test_ssim_has_the_settings_of_wang_et_al() -> None:
    # Written out for one grey image: an 11×11 Gaussian window of deviation 1.5, population statistics.
    x, y = batch(1, 20, seed=1)[:, :1].double(), batch(1, 20, seed=2)[:, :1].double()
    line = torch.exp(-torch.arange(-5, 6, dtype=torch.float64).square() / (2 * 1.5**2))
    line /= line.sum()

    def blur(z: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(z, torch.outer(line, line)[None, None])

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    expected = ((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()
    assert float(ssim(x.float(), y.float())[0]) == pytest.approx(float(expected), abs=1e-5)


def test_images_too_small_for_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(batch(size=10), batch(size=10))


def test_shapes_must_agree() -> None:
    for measure in (psnr, ssim, squared_errors):
        with pytest.raises(ValueError, match="one shape"):
            measure(batch(2), batch(3))
        with pytest.raises(ValueError, match="one shape"):
            measure(batch()[0], batch()[0])


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.3), st.floats(0.03, 0.3))
def test_noisy_pairs_tell_the_psnr_without_clean_images(seed: int, sigma: float, error: float) -> None:
    drawing = generator(seed)
    clean = 0.5 * torch.ones(8, 3, 64, 64)
    noisy, other = (clean + sigma * torch.randn(clean.shape, generator=drawing) for _ in range(2))
    denoised = clean + error * torch.where(torch.rand(clean.shape, generator=drawing) < 0.5, 1.0, -1.0)
    estimate = paired_psnr(denoised, noisy, other)
    assert estimate.sigma == pytest.approx(sigma, rel=0.03)
    assert estimate.noisy == pytest.approx(-20 * math.log10(sigma), abs=0.2)
    # The estimate's own deviation: of σ² twice, and of the product of error and noise.
    spread = math.sqrt((2 * sigma**4 + 4 * sigma**2 * error**2 + sigma**4) / clean.numel())
    squared = paired_squared_errors(denoised, noisy, other).mean()
    assert float(squared) == pytest.approx(error**2, abs=6 * spread)
    # A small error in much noise may be estimated below zero, and then has no number.
    assert estimate.denoised == pytest.approx(float(decibels(squared)), nan_ok=True)


def test_an_output_better_than_the_pairs_can_tell_has_no_number() -> None:
    clean = torch.full((1, 1, 8, 8), 0.5)
    other = clean + 0.01
    assert math.isnan(paired_psnr(clean + 0.005, clean - 0.1, other).denoised)
