"""The command line in this process: its exit code and what it prints."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from n2n.__main__ import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def n2n(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """`n2n(*arguments)`, run in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["n2n", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        return Outcome(int(str(code or 0)), printed.out, printed.err)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of four small photographs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rows, columns = np.mgrid[0:80, 0:96]
    for number in range(4):
        wave = np.sin(rows / (number + 3)) + np.cos(columns / (5 - number / 2))
        picture = np.stack([wave, np.roll(wave, 3, 0), -wave], -1)
        Image.fromarray((127 + 50 * picture).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


QUICK = ("--network", "net4", "--count", 8, "--batch", 4, "--epochs", 2)


@pytest.fixture
def run_folder(n2n: Command, photos: Path, tmp_path: Path) -> Path:
    """A quickly trained run."""
    path = tmp_path / "quick"
    outcome = n2n("train", photos, "--noise", "gaussian:25", *QUICK, "--out", path)
    assert outcome.code == 0, outcome.err
    return path
