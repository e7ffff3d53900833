import subprocess
import sys
from pathlib import Path

import torch
from PIL import Image

from n2n.cli.demo import photographs


def test_the_demo_ends_with_a_table_a_picture_and_a_fresh_folder(tmp_path: Path) -> None:
    """As a process of its own, the way a user runs it, with less training than the default."""
    for number in (1, 2):
        done = subprocess.run(
            [sys.executable, "-m", "n2n", "demo", "--epochs", "1"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert f"run folder: runs/demo-{number}" in done.stdout
    for name in ("noisy", "Gaussian blur", "median filter", "non-local means", "residual network"):
        assert name in done.stdout
    with Image.open(tmp_path / "runs/demo-1/figures/photographs.png") as picture:
        assert min(picture.size) > 800


def test_the_photographs_have_the_noise_of_point_sampling() -> None:
    noisy, clean = photographs(0)
    assert noisy.shape == clean.shape == (5, 3, 96, 96)
    assert abs((noisy - clean).mean()) < 2e-3
    assert torch.equal(noisy, photographs(0)[0])
    assert not torch.equal(noisy, photographs(1)[0])
