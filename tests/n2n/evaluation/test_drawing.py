from pathlib import Path

import numpy as np
import torch
from PIL import Image

from n2n.evaluation.drawing import CELL, Shown, draw_pictures


def row(height: int, width: int, channels: int, level: float) -> Shown:
    image = torch.full((channels, height, width), level)
    return Shown("best: image 1", {"noisy": image, "clean": image}, {"noisy": "20 dB"})


def drawn(path: Path, *rows: Shown) -> tuple[int, int, set[float]]:
    """Width, height, and the shades that cover at least half a cell."""
    draw_pictures(path, rows)
    with Image.open(path) as image:
        shades, counts = np.unique(np.asarray(image.convert("L")), return_counts=True)
        width, height = image.size
    large = {round(int(shade) / 255, 2) for shade, count in zip(shades, counts, strict=True) if count > CELL**2 / 2}
    return width, height, large


def test_pictures_of_several_sizes_and_kinds_are_drawn_together(tmp_path: Path) -> None:
    rows = row(32, 32, 3, 0.2), row(300, 200, 1, 0.4), row(20, 200, 3, 0.6)
    width, height, shades = drawn(tmp_path / "pictures.png", *rows)
    assert width > 3 * CELL  # the whole, noisy, clean
    assert height > 3 * CELL
    assert {0.2, 0.4, 1.0} <= shades


def test_small_pictures_are_enlarged_and_need_no_whole(tmp_path: Path) -> None:
    width, _, shades = drawn(tmp_path / "pictures.png", *[row(32, 32, 3, 0.2)] * 3)
    assert width < 3 * CELL
    assert shades == {0.2, 1.0}
