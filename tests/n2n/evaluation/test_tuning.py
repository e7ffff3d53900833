import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from n2n.classical.baselines import baselines
from n2n.evaluation.examples import examples
from n2n.evaluation.sets import EvaluationSet
from n2n.evaluation.tuning import pictures_to_tune_on, tuned_baselines, tuning_pictures
from n2n.noise import parse_noise
from n2n.sources import procedural
from n2n.training.settings import Settings
from tests.n2n.samples import folder, generator, picture, shades


def test_the_runs_held_out_photographs_come_first_with_the_noise_that_is_measured(tmp_path: Path) -> None:
    own, others = shades(tmp_path / "own"), folder(tmp_path / "others", a=picture(48, 48))
    settings = Settings(photos=str(own), noise="gaussian:25", size=16)
    pictures = tuning_pictures(settings, parse_noise("gaussian:50"), 32, sorted(others.iterdir()), 0.1)
    assert "held out" in pictures.description
    assert pictures.noisy.shape[1:] == (3, 32, 32)
    assert float((pictures.noisy - pictures.second).std()) * 255 == pytest.approx(50, rel=0.02)
    assert len(pictures.second.mul(255).round().unique()) == 1  # the one photograph of ten that was held out


def test_photographs_too_small_for_the_measured_size_give_crops_of_the_runs(tmp_path: Path) -> None:
    settings = Settings(photos=str(shades(tmp_path / "own")), noise="gaussian:25", size=16)
    assert tuning_pictures(settings, None, 90, [], 0.1).noisy.shape[2:] == (16, 16)


@pytest.mark.parametrize("copied", [False, True])
def test_pictures_that_are_measured_are_never_tuned_on(tmp_path: Path, copied: bool) -> None:
    own = shades(tmp_path / "own")
    if copied:
        shutil.copytree(own, tmp_path / "copy")
    measured = sorted((tmp_path / "copy" if copied else own).iterdir())
    settings = Settings(photos=str(own), noise="gaussian:25", size=16)
    pictures = tuning_pictures(settings, parse_noise("gaussian:25"), 16, measured[3:], 0.1)
    assert "procedural" in pictures.description
    assert "measured" in pictures.description
    assert float((pictures.noisy - pictures.second).std()) * 255 == pytest.approx(25, rel=0.05)


def test_procedural_pictures_stand_in_where_the_runs_cannot_be_read() -> None:
    settings = Settings(photos="/nowhere", noise="gaussian:10", size=16)
    pictures = tuning_pictures(settings, None, 32, [], 0.2)
    assert "cannot be read" in pictures.description
    assert float((pictures.noisy - pictures.second).std()) * 255 == pytest.approx(10, rel=0.05)


def test_noise_that_is_not_known_is_estimated(tmp_path: Path) -> None:
    unknown = tuning_pictures(None, None, 32, [], 20 / 255)
    assert float((unknown.noisy - unknown.second).std()) * 255 == pytest.approx(20, rel=0.05)
    assert "gaussian:20" in unknown.description


def test_noisy_pairs_do_to_tune_on_and_a_measured_file_does_not(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 20, (2, 60, 3, 16, 16))
    noisy, target = (100 + noise).clip(0, 255).astype(np.uint8)
    path = tmp_path / "pairs.npz"
    np.savez(path, noisy=noisy, target=target)
    settings = Settings(tensors=str(path), size=16)
    held = tuning_pictures(settings, None, 16, [], 0.1)
    assert "noisy pairs" in held.description
    assert not torch.equal(held.noisy, held.second)
    assert "procedural" in tuning_pictures(settings, None, 16, [path], 20 / 255).description


def test_size_and_noise_are_those_of_the_pictures_that_are_evaluated() -> None:
    noisy = 0.5 + 20 / 255 * torch.randn(2, 3, 64, 40, generator=generator())
    evaluated = EvaluationSet(examples(noisy, noisy), "captures", [], None, False)
    pictures = pictures_to_tune_on(evaluated, None)
    assert pictures.noisy.shape[2:] == (40, 40)
    assert float((pictures.noisy - pictures.second).std()) * 255 == pytest.approx(20, rel=0.1)


def test_all_the_baselines_are_tuned() -> None:
    source = procedural(parse_noise("gaussian:40"), count=4, side=64)
    tuned = tuned_baselines(*source.validation(4, generator(1)))
    assert [baseline.name for baseline in tuned] == list(baselines)
    blur = next(baseline for baseline in tuned if "blur" in str(baseline))
    assert float(blur.parameters[0]) > 0.6
