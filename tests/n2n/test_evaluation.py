import torch

import nn
from n2n.denoise import Trained
from n2n.evaluation import compare, denoiser, estimate, outputs, tuned_baselines
from n2n.metrics import psnr, ssim
from n2n.noise import parse_noise
from n2n.sources import procedural


def test_every_denoiser_is_measured_on_the_same_images() -> None:
    clean = torch.rand(3, 1, 16, 16)
    noisy = clean + 0.1
    images = outputs({"perfect": lambda x: clean, "none": lambda x: x}, noisy)
    rows = compare(images, clean)
    assert [row.name for row in rows] == ["noisy", "perfect", "none"]
    assert rows[0][1:] == rows[2][1:] == (*psnr(noisy, clean), float(ssim(noisy, clean).mean()))
    assert rows[1].mean == torch.inf
    assert torch.equal(images["perfect"], clean)


def test_estimates_without_clean_images_are_near_the_figures_with_them() -> None:
    generator = torch.Generator().manual_seed(0)
    clean = 0.3 + 0.4 * torch.rand(20, 1, 32, 32, generator=generator)
    noisy, other = (clean + 0.05 * torch.randn(clean.shape, generator=generator) for _ in range(2))
    images = outputs({"better": lambda x: clean + 0.02, "worse": lambda x: clean + 0.1}, noisy)
    estimates = estimate(images, other)
    for row in compare(images, clean):
        assert abs(estimates[row.name] - row.overall) < 0.7


def test_a_trained_network_denoises_a_batch() -> None:
    images = torch.rand(2, 3, 20, 20)
    out = denoiser(Trained(nn.identity, {"unused": torch.zeros(1)}, 3))(images)
    torch.testing.assert_close(out, images)


def test_baselines_are_tuned_on_the_source() -> None:
    noise = parse_noise("gaussian:40")
    tuned = tuned_baselines(procedural(noise, count=4, side=64), count=4)
    blur = next(baseline for baseline in tuned if "blur" in str(baseline))
    assert blur.parameters[0] > 0.6
