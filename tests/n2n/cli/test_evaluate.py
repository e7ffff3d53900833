from pathlib import Path

import numpy as np
import torch

from tests.n2n.cli.conftest import Command


def test_photographs_are_compared_with_every_baseline(n2n: Command, run_folder: Path, photos: Path) -> None:
    outcome = n2n("evaluate", run_folder, photos, "--count", 4, "--figure", "comparison.png")
    assert outcome.code == 0, outcome.err
    for name in ("noisy", "Gaussian blur", "median filter", "non-local means", "net4", "4 images of 32×32"):
        assert name in outcome.out
    assert Path("comparison.png").stat().st_size > 10_000


def test_all_of_a_tensor_file_is_measured(n2n: Command, run_folder: Path) -> None:
    clean = np.full((7, 3, 32, 32), 100, np.uint8)
    np.savez("pairs.npz", noisy=clean + 5, clean=clean)
    outcome = n2n("evaluate", run_folder, "pairs.npz")
    assert "7 images of 32×32" in outcome.out
    assert f"{-20 * np.log10(5 / 255):.2f} dB" in outcome.out


def test_the_second_tensor_of_the_courses_file_is_clean(n2n: Command, run_folder: Path) -> None:
    clean = torch.full((3, 3, 32, 32), 100, dtype=torch.uint8)
    torch.save((clean + 5, clean), "val_data.pkl")
    outcome = n2n("evaluate", run_folder, "val_data.pkl")
    assert f"{-20 * np.log10(5 / 255):.2f} dB" in outcome.out


def test_something_to_evaluate_on_is_asked_for(n2n: Command, run_folder: Path) -> None:
    outcome = n2n("evaluate", run_folder)
    assert outcome.code == 2
    assert "--pairs" in outcome.err


def test_options_without_effect_and_files_that_exist_are_refused(n2n: Command, run_folder: Path, photos: Path) -> None:
    clean = np.full((2, 3, 32, 32), 100, np.uint8)
    np.savez("pairs.npz", noisy=clean + 5, clean=clean)
    Path("mine.png").write_text("mine")
    for arguments, word in (
        (("pairs.npz", "--noise", "gaussian:5"), "--noise"),
        (("--pairs", photos, photos, "--noise", "gaussian:5"), "--noise"),
        (("pairs.npz", "--figure", "mine.png"), "--force"),
    ):
        outcome = n2n("evaluate", run_folder, *arguments)
        assert outcome.code == 2
        assert word in outcome.err
    assert Path("mine.png").read_text() == "mine"


def test_a_run_whose_pictures_are_gone_can_still_be_evaluated(n2n: Command, run_folder: Path, photos: Path) -> None:
    photos.rename("elsewhere")
    outcome = n2n("evaluate", run_folder, "elsewhere", "--count", 4)
    assert outcome.code == 0, outcome.err
    assert "default parameters" in outcome.out
