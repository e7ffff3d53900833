import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from n2n.training.fingerprint import fingerprint
from n2n.training.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode() * 50_000)
    torch.save((torch.zeros(4, 3, 8, 8), torch.zeros(4, 3, 8, 8)), tmp_path / "pairs.pkl")
    return Settings(photos=str(tmp_path), validation=str(tmp_path / "pairs.pkl"))


def test_a_fingerprint_does_not_change_with_the_time_of_the_files(settings: Settings, tmp_path: Path) -> None:
    before = fingerprint(settings)
    assert before["files"] == 3
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes())
    os.utime(tmp_path / "b.png", (0, 0))
    (tmp_path / "notes.txt").write_text("no picture")
    assert fingerprint(settings) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.png").unlink(),
        lambda folder: (folder / "a.png").rename(folder / "c.png"),
        lambda folder: (folder / "c.png").write_bytes(b""),
        lambda folder: (folder / "a.png").write_bytes(b"a.pnf" * 50_000),
        lambda folder: torch.save((torch.ones(4, 3, 8, 8), torch.zeros(4, 3, 8, 8)), folder / "pairs.pkl"),
    ],
    ids=["removed", "renamed", "added", "other bytes", "a tensor file of the same shape"],
)
def test_a_fingerprint_changes_with_the_files(
    settings: Settings, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    before = fingerprint(settings)
    change(tmp_path)
    assert fingerprint(settings) != before
