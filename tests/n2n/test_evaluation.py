import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nn
from n2n.denoise import Trained
from n2n.evaluation import (
    Example,
    Measurement,
    best_median_worst,
    compare,
    denoiser,
    examples,
    measure,
    outputs,
    poisson_denoiser,
    summary,
    tensor_images,
    tuned_baselines,
    whole_captures,
    whole_photos,
)
from n2n.metrics import psnr, ssim
from n2n.noise import Poisson, parse_noise
from n2n.sources import procedural
from n2n.tensor_files import TensorPairs
from tests.n2n.samples import folder, generator, picture


def test_every_denoiser_is_measured_on_the_same_images() -> None:
    clean = torch.rand(3, 1, 16, 16)
    noisy = clean + 0.1
    images = outputs({"perfect": lambda x: clean, "none": lambda x: x}, noisy)
    rows = compare(images, clean)
    assert [row.name for row in rows] == ["noisy", "perfect", "none"]
    assert rows[0][1:] == rows[2][1:] == (*psnr(noisy, clean), float(ssim(noisy, clean).mean()))
    assert rows[1].mean == torch.inf
    assert torch.equal(images["perfect"], clean)


def test_pictures_measured_one_by_one_have_the_figures_of_the_batch() -> None:
    clean = torch.rand(5, 3, 16, 20, generator=generator())
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=generator())
    denoisers = {"half": lambda x: x / 2, "same": lambda x: x}
    measurements = [each for example in examples(noisy, clean) for each in measure(denoisers, example, clean=True)]
    for one, other in zip(summary(measurements), compare(outputs(denoisers, noisy), clean), strict=True):
        assert one.name == other.name
        assert one[1:] == pytest.approx(other[1:], rel=1e-5)


def test_a_perfect_picture_is_infinitely_good_and_so_is_its_method() -> None:
    clean = torch.rand(3, 16, 16)
    row = summary(measure({}, Example("a", clean, clean), clean=True))[0]
    assert row.mean == row.overall == math.inf
    assert row.ssim == pytest.approx(1)


def test_estimates_without_clean_images_are_near_the_figures_with_them() -> None:
    clean = 0.3 + 0.4 * torch.rand(20, 1, 32, 32, generator=generator())
    noisy, other = (clean + 0.05 * torch.randn(clean.shape, generator=generator(seed)) for seed in (1, 2))
    denoisers = {"better": lambda x: x * 0 + clean[:1] * 0.98, "worse": lambda x: x + 0.1}
    for one in (denoisers["better"], denoisers["worse"]):
        rows = {}
        for known, second in ((True, clean), (False, other)):
            figures = [each for example in examples(noisy, second) for each in measure({"it": one}, example, known)]
            rows[known] = summary(figures)
        for true, estimated in zip(rows[True], rows[False], strict=True):
            assert estimated.overall == pytest.approx(true.overall, abs=0.5)
            assert math.isnan(estimated.ssim)


@given(st.lists(st.floats(-0.1, 1), min_size=1, max_size=20))
def test_the_best_the_median_and_the_worst_are_chosen_by_psnr(errors: list[float]) -> None:
    other = [Measurement("other", "blur", 1 - error, None) for error in errors]
    ours = [Measurement(str(number), "ours", error, None) for number, error in enumerate(errors)]
    chosen = best_median_worst([each for pair in zip(other, ours, strict=True) for each in pair], "ours")
    assert errors[chosen["best"]] == min(errors)
    assert errors[chosen["worst"]] == max(errors)
    assert sum(error < errors[chosen["median"]] for error in errors) <= len(errors) / 2
    assert sum(error > errors[chosen["median"]] for error in errors) <= len(errors) / 2


def test_an_error_that_cannot_be_resolved_has_no_psnr() -> None:
    assert math.isnan(Measurement("a", "b", -1e-6, None).psnr)
    assert Measurement("a", "b", 0.01, None).psnr == pytest.approx(20)


def test_whole_photographs_keep_their_sizes_and_their_noise_is_their_own(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(40, 70), b=picture(33, 21, channels=1), c=picture(40, 70))
    paths = sorted(path.iterdir())
    noise = parse_noise("gaussian:25")
    photographs = whole_photos(paths, noise, seed=3)
    assert [tuple(each.noisy.shape) for each in photographs] == [(3, 40, 70), (1, 33, 21), (3, 40, 70)]
    assert [each.name for each in photographs] == ["a.png", "b.png", "c.png"]
    noises = [each.noisy - each.second for each in photographs]
    assert float(noises[0].std()) * 255 == pytest.approx(25, rel=0.05)
    torch.testing.assert_close(photographs[0].second, picture(40, 70).pixels)
    assert torch.equal(photographs[1].noisy, photographs[1].noisy)
    assert not torch.equal(noises[0], noises[2])
    assert not torch.equal(photographs[0].noisy, whole_photos(paths, noise, seed=4)[0].noisy)


def test_point_sampled_photographs_shrink_to_their_cells(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(96, 120))
    example = whole_photos([path / "a.png"], parse_noise("pointsample:8"), 0)[0]
    assert example.noisy.shape == example.second.shape == (3, 12, 15)


def test_whole_captures_are_taken_as_they_are(tmp_path: Path) -> None:
    one = folder(tmp_path / "a", a=picture(40, 70, seed=1), b=picture(21, 33, channels=1))
    other = folder(tmp_path / "b", a=picture(40, 70, seed=2), b=picture(21, 33, seed=3))
    captures = whole_captures(["x", "y"], [(one / name, other / name) for name in ("a.png", "b.png")])
    assert [each.name for each in captures] == ["x", "y"]
    torch.testing.assert_close(captures[0].noisy, picture(40, 70, seed=1).pixels)
    torch.testing.assert_close(captures[0].second, picture(40, 70, seed=2).pixels)
    assert captures[1].noisy.shape == captures[1].second.shape == (3, 21, 33)


def test_the_images_of_a_tensor_file_are_read_one_by_one() -> None:
    noisy, clean = torch.rand(2, 4, 3, 12, 12, generator=generator())
    found = tensor_images(TensorPairs(noisy, clean, clean=True))
    assert [each.name for each in found] == ["0", "1", "2", "3"]
    assert torch.equal(torch.stack([each.noisy for each in found]), noisy)
    assert torch.equal(torch.stack([each.second for each in found]), clean)


@pytest.mark.parametrize("orientations", [1, 8])
def test_a_trained_network_denoises_a_batch(orientations: int) -> None:
    images = torch.rand(2, 3, 20, 23)
    out = denoiser(Trained(nn.identity, {"unused": torch.zeros(1)}, 3), orientations)(images)
    torch.testing.assert_close(out, images)


def test_a_guided_network_for_gaussian_noise_takes_poisson_noise_too() -> None:
    def apply(params: nn.Params, x: torch.Tensor) -> torch.Tensor:
        told.append(float(x[0, -1].mean()))
        return x[:, :-1]

    told: list[float] = []
    clean = torch.linspace(0.2, 0.8, 64).expand(1, 3, 64, 64)
    noisy = parse_noise("poisson:30")
    assert isinstance(noisy, Poisson)
    images = noisy(clean, generator())
    trained = Trained(nn.Layer(nn.identity.init, apply), {"unused": torch.zeros(1)}, 3, guided=True)
    out = poisson_denoiser(trained)(images)
    torch.testing.assert_close(out, images.clamp(0, 1), atol=0.02, rtol=0)
    assert told[0] == pytest.approx(1 / (2 * math.sqrt(30)), rel=0.1)


def test_baselines_are_tuned_on_the_source() -> None:
    noise = parse_noise("gaussian:40")
    tuned = tuned_baselines(procedural(noise, count=4, side=64), count=4)
    blur = next(baseline for baseline in tuned if "blur" in str(baseline))
    assert float(blur.parameters[0]) > 0.6
