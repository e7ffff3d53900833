import pytest
import torch
from scipy import ndimage
from torch import Tensor

from n2n.classical.baselines import Baseline, baselines, tune
from n2n.classical.filters import gaussian_blur, median_filter, nonlocal_means, total_variation, wavelet
from n2n.images.leaves import dead_leaves
from n2n.metrics import psnr
from n2n.noise import Gaussian


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pairs(sigma: float = 25, count: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    clean = dead_leaves(generator(seed), 64, count)
    return Gaussian(sigma, sigma)(clean, generator(seed)), clean


@pytest.mark.parametrize("name", baselines)
def test_a_tuned_baseline_makes_noisy_images_better(name: str) -> None:
    noisy, clean = pairs()
    tuned = tune(baselines[name], *pairs(seed=1))
    before = noisy.clone()
    denoised = tuned(noisy)
    assert denoised.shape == noisy.shape
    assert denoised.dtype == noisy.dtype
    assert torch.equal(noisy, before)
    assert psnr(denoised, clean).mean > psnr(noisy, clean).mean + 1
    assert str(tuned).startswith(name)


@pytest.mark.parametrize("name", baselines)
def test_tuning_is_for_the_noise_at_hand(name: str) -> None:
    noisy, clean = pairs(sigma=70)
    tuned = tune(baselines[name], *pairs(sigma=70, seed=1))
    assert psnr(tuned(noisy), clean).mean >= psnr(baselines[name](noisy), clean).mean


def test_noisy_pairs_tune_as_clean_images_do() -> None:
    clean = dead_leaves(generator(), 64, 6)
    noise = Gaussian(25, 25)
    noisy, other = noise(clean, generator(1)), noise(clean, generator(2))
    assert tune(baselines["Gaussian blur"], noisy, other) == tune(baselines["Gaussian blur"], noisy, clean)


def test_wavelets_and_total_variation_flatten_noise_and_keep_an_edge() -> None:
    edge = torch.full((1, 3, 48, 48), 0.2)
    edge[..., 24:] = 0.8
    noisy = Gaussian(20, 20)(edge, generator())
    for denoise in (lambda x: wavelet(x, 1, "BayesShrink"), lambda x: total_variation(x, 1.5)):
        error = denoise(noisy) - edge
        assert float(error[..., :20].std()) < 0.3 * 20 / 255
        assert float((denoise(noisy)[..., 25] - denoise(noisy)[..., 22]).mean()) > 0.45


@pytest.mark.parametrize("name", baselines)
def test_each_image_and_each_shape_is_denoised_for_itself(name: str) -> None:
    images = torch.rand(3, 1, 12, 17, generator=generator())
    together = baselines[name](images)
    alone = torch.cat([baselines[name](image) for image in images.split(1)])
    assert together.shape == images.shape
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("name", baselines)
def test_a_flat_image_stays_as_it_is(name: str) -> None:
    flat = torch.full((1, 3, 16, 16), 0.3)
    torch.testing.assert_close(baselines[name](flat), flat)


def test_the_blur_and_the_median_are_the_usual_ones() -> None:
    image = torch.rand(1, 1, 15, 11, generator=generator())
    array = image[0, 0].double().numpy()
    blurred = torch.from_numpy(ndimage.gaussian_filter(array, 1.2, mode="reflect")).float()
    torch.testing.assert_close(gaussian_blur(image, 1.2)[0, 0], blurred)
    for side in (1, 3, 5):
        middle = torch.from_numpy(ndimage.median_filter(array, side, mode="reflect")).float()
        torch.testing.assert_close(median_filter(image, side)[0, 0], middle)
    spot = torch.zeros(1, 1, 5, 5)
    spot[..., 2, 1:4] = 1
    assert median_filter(spot, 2)[0, 0, 2, 2] == 1 - median_filter(1 - spot, 2)[0, 0, 2, 2]


def test_nonlocal_means_averages_what_repeats() -> None:
    stripes = torch.arange(32).remainder(4).lt(2).float().expand(1, 1, 32, 32)
    noisy = Gaussian(20, 20)(stripes, generator())
    assert psnr(nonlocal_means(noisy, 0.8), stripes).mean > psnr(noisy, stripes).mean + 5


def test_tuning_takes_the_best_of_the_grid() -> None:
    clean = torch.full((1, 1, 8, 8), 0.5)
    shift = Baseline("shift", lambda images, by: images + by, (9.0,), [(-0.2,), (0.1,), (0.4,)], "by {:g}")
    tuned = tune(shift, clean - 0.15, clean)
    assert tuned.parameters == (0.1,)
    assert str(tuned) == "shift (by 0.1)"
    assert shift.parameters == (9.0,)
