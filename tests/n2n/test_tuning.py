import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from n2n.noise import parse_noise
from n2n.settings import Settings
from n2n.tuning import brought_noise, own_files, same_files, tuning_pictures
from tests.n2n.samples import flat, folder, picture


def shades(path: Path, count: int = 10) -> Path:
    return folder(path, **{f"p{number}": flat(0.1 + number * 20 / 255) for number in range(count)})


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


def test_the_files_of_every_kind_of_run_are_its_own(tmp_path: Path) -> None:
    one, other = shades(tmp_path / "a", 2), shades(tmp_path / "b", 2)
    (tmp_path / "scenes").mkdir()
    scene = shades(tmp_path / "scenes" / "x", 2)
    pairs = tmp_path / "pairs.npz"
    for settings, files in (
        (Settings(photos=str(one)), list(one.iterdir())),
        (Settings(captures=(str(one), str(other))), [*one.iterdir(), *other.iterdir()]),
        (Settings(bursts=str(tmp_path / "scenes")), list(scene.iterdir())),
        (Settings(tensors=str(pairs)), [pairs]),
        (Settings(), []),
        (Settings(photos="/nowhere"), []),
    ):
        assert set(own_files(settings)) == set(files)
        assert brought_noise(settings) == (settings.photos is None and bool(files))


def test_the_same_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    one = shades(tmp_path / "a", 3)
    (tmp_path / "b").mkdir()
    shutil.copy(one / "p1.png", tmp_path / "b" / "renamed.png")
    (tmp_path / "b" / "other.png").write_bytes((one / "p1.png").read_bytes()[:-1] + b"x")
    found = same_files(sorted((tmp_path / "b").iterdir()), [*one.iterdir(), tmp_path / "missing.png"])
    assert [path.name for path in found] == ["renamed.png"]
