"""What a network can be trained with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.n2n.cli.conftest import QUICK, Command


def test_captures_train_without_clean_images(n2n: Command, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    scene = generator.integers(40, 200, (3, 40, 40, 3))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            noisy = (scene[number] + generator.normal(0, 10, (40, 40, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / folder / f"{number}.png")
    outcome = n2n("train", "--pairs", "a", "b", *QUICK, "--out", "captures")
    assert outcome.code == 0, outcome.err
    assert "estimated from noisy pairs" in outcome.out
    outcome = n2n("evaluate", "captures", "--pairs", "a", "b", "--count", 6)
    assert outcome.code == 0, outcome.err
    assert "there are no clean images" in outcome.out


@pytest.mark.parametrize("kind", ["pkl", "npz"])
def test_tensor_files_train(n2n: Command, kind: str) -> None:
    noisy, target = torch.randint(0, 256, (2, 12, 3, 32, 32), dtype=torch.uint8)
    if kind == "pkl":
        torch.save((noisy, target), "data.pkl")
        torch.save((noisy, target), "validation.pkl")
    else:
        for name in ("data.npz", "validation.npz"):
            np.savez(name, noisy=noisy.numpy(), target=target.numpy())
    outcome = n2n("train", f"data.{kind}", "--validation", f"validation.{kind}", *QUICK, "--out", "run")
    assert outcome.code == 0, outcome.err


def test_clean_targets_are_said_to_be_for_comparison(n2n: Command, photos: Path) -> None:
    outcome = n2n("train", photos, "--noise", "gaussian:25", *QUICK, "--targets", "clean", "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "clean targets: no Noise2Noise, for comparison only" in outcome.out


def test_bursts_train(n2n: Command, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for scene in range(3):
        (tmp_path / "bursts" / str(scene)).mkdir(parents=True)
        for number in range(3):
            noisy = generator.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(noisy).save(tmp_path / "bursts" / str(scene) / f"{number}.png")
    outcome = n2n("train", "--bursts", "bursts", *QUICK, "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "estimated from noisy pairs" in outcome.out


@pytest.mark.parametrize("loss", ["l0", "hdr", "l1"])
def test_every_loss_takes_the_masks_of_pixels_that_were_lost(n2n: Command, photos: Path, loss: str) -> None:
    outcome = n2n("train", photos, "--noise", "bernoulli:0.5", "--loss", loss, *QUICK, "--out", "run")
    assert outcome.code == 0, outcome.err
