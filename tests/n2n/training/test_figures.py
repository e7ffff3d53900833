from pathlib import Path

import torch
from PIL import Image

from n2n.training.figures import before_and_after, learning_curves


def test_pictures_are_drawn_for_grey_and_colour(tmp_path: Path) -> None:
    for channels in (1, 3):
        path = tmp_path / f"{channels}.png"
        images = torch.rand(2, channels, 16, 16)
        before_and_after(path, {"noisy": images, "clean": images}, {"noisy": ["1 dB", "2 dB"]})
        with Image.open(path) as picture:
            assert min(picture.size) > 300


def test_curves_are_drawn(tmp_path: Path) -> None:
    entries = [{"step": float(step), "loss": 1 / step} for step in range(1, 60)]
    entries[-1]["psnr"] = 20.0
    learning_curves(tmp_path / "curves.png", entries)
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size[0] > picture.size[1]
