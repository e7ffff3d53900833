"""What every command does with what it cannot use: one sentence, exit code 2, and nothing is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.n2n.cli.conftest import QUICK, Command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("denoise", "x" * 300, "--out", "y.png"), "File name too long; check the path"),
        (("train", *QUICK, "--out", "x" * 300), "File name too long; check the path"),
        (("train", *QUICK, "--count", 0), "the count of pairs is 0; it must be at least 1"),
        (("train", "photos", *QUICK, "--size", 10**20), "too small"),
        (("train", *QUICK, "--size", 300), "choose a smaller size"),
        (("train", "photos", *QUICK, "--noise", "gaussian:1e400"), "more than any picture can show"),
        (("train", "photos", *QUICK, "--noise", "pointsample:1e9"), "too small"),
        (("train", "photos", "--resume", "run"), "DATA has no effect with --resume"),
        (("train", *QUICK, "--out", "photos"), "exists and is not the folder of a run, so it is not replaced"),
        (
            ("train", *QUICK, "--out", "photos", "--force"),
            "exists and is not the folder of a run, so it is not replaced",
        ),
        (("train", *QUICK, "--device", "meta"), "there is no device 'meta'"),
        (("evaluate", "photos", "--noise", "gaussian:25", "--seed", -1), "--seed is -1; it must be at least 0"),
        (("evaluate", "photos", "--noise", "gaussian:25", "--seed", 2**64), "--seed is 18446744073709551616; it must"),
        (("reproduce", "table1", "--scale", 0.001, "--seed", -1), "--seed is -1; it must be at least 0"),
    ],
    ids=lambda value: " ".join(str(each)[:20] for each in value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_sentence(n2n: Command, photos: Path, arguments: tuple[object, ...], said: str) -> None:
    before = sorted(photos.parent.rglob("*"))
    outcome = n2n(*arguments)
    assert outcome.code == 2, outcome
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert sorted(photos.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["a[red]b[/red]", "with spaces", "a[" + "/b]", "ä" * 60, "x" * 250])
def test_names_are_shown_as_they_are_and_can_be_copied(n2n: Command, run_folder: Path, photos: Path, name: str) -> None:
    out = f"{name[:200]}.png"
    outcome = n2n("denoise", photos / "0.png", "--run", run_folder, "--out", out)
    assert outcome.code == 0, outcome.err
    assert f"{out}: noise like that of its training\n" in outcome.out
    assert Path(out).is_file()
    outcome = n2n("info", run_folder.rename(photos.parent / f"run {name[:6].replace('/', '')}"))
    assert outcome.code == 0


def test_a_terminal_that_cannot_show_a_sign_gets_another(photos: Path, tmp_path: Path) -> None:
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONPATH": root, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "n2n", "denoise", str(photos / "0.png"), "--out", str(tmp_path / "ä.png")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "?.png: Gaussian noise of ? " in ran.stdout


def test_a_name_that_is_no_text_is_kept(n2n: Command, photos: Path, run_folder: Path) -> None:
    for number, odd in enumerate((b"a\xff.png", rb"$a$b\c$.png")):
        (photos / f"{number}.png").rename(photos / os.fsdecode(odd))
    arguments = ("evaluate", run_folder, photos, "--whole", "--noise", "gaussian:25", "--out", "table")
    outcome = n2n(*arguments)
    assert outcome.code == 0, outcome.err
    assert b"a\xff.png" in Path("table/images.csv").read_bytes()
