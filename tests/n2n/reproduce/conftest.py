"""A folder with data for cells of a moment."""

from pathlib import Path

import pytest
import torch

from n2n.reproduce.data import Images, write_images, write_mapped
from tests.n2n.samples import generator


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """24 pairs to train on, 6 held-out images, and no test images."""
    clean = torch.rand(30, 3, 32, 32, generator=generator())
    noisy = (clean + 0.1 * torch.randn(2, *clean.shape, generator=generator(1))).clamp(0, 1)
    (tmp_path / "data").mkdir()
    (tmp_path / "cells").mkdir()
    pairs = noisy[:, :24].transpose(0, 1)
    write_mapped(tmp_path / "data" / "pairs.npy", lambda _: pairs, 24, torch.uint8, lambda _: None)
    write_images(tmp_path / "data" / "held-out.npy", Images(noisy[0, 24:], clean[24:]), torch.uint8)
    return tmp_path
