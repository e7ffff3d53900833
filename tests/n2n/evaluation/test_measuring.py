import math

import pytest
import torch

from n2n.errors import InputError
from n2n.evaluation.examples import Example, examples
from n2n.evaluation.measuring import Measurement, compare, measure, outputs, summary
from n2n.metrics import psnr, ssim
from tests.n2n.samples import generator


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


def test_an_error_that_cannot_be_resolved_has_no_psnr() -> None:
    assert math.isnan(Measurement("a", "b", -1e-6, None).psnr)
    assert Measurement("a", "b", 0.01, None).psnr == pytest.approx(20)


@pytest.mark.parametrize("clean", [True, False])
def test_a_picture_that_is_too_small_is_named(clean: bool) -> None:
    small = torch.rand(3, 16, 9)
    with pytest.raises(InputError, match="image a is 9×16, and SSIM needs 11"):
        measure({}, Example("a", small, small), clean)
