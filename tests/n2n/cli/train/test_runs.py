"""What a run leaves behind and says, and that it can be made again."""

import json
import shlex
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file

from tests.n2n.cli.conftest import QUICK, Command
from tests.n2n.cli.train.comparison import equal


def test_a_run_folder_holds_everything(run_folder: Path) -> None:
    for name in ("config.json", "metrics.jsonl", "last.safetensors", "best.safetensors", "card.md"):
        assert (run_folder / name).stat().st_size > 0
    for name in ("curves.png", "before-after.png"):
        with Image.open(run_folder / "figures" / name) as figure:
            figure.verify()
    entries = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [1, 2, 3, 4]
    assert [("psnr" in entry) for entry in entries] == [False, True, False, True]
    assert all(entry["clean"] for entry in entries if "psnr" in entry)


def test_it_prints_the_validation_and_where_the_run_is(n2n: Command, photos: Path) -> None:
    outcome = n2n("train", photos, "--noise", "gaussian:25", *QUICK)
    assert outcome.code == 0
    assert "epoch 2: loss" in outcome.out
    assert outcome.out.strip().endswith("runs/net4-1")


def test_the_same_seed_gives_the_same_bits(n2n: Command, run_folder: Path, photos: Path) -> None:
    n2n("train", photos, "--noise", "gaussian:25", *QUICK, "--out", "again")
    n2n("train", photos, "--noise", "gaussian:25", *QUICK, "--out", "other", "--seed", 1)
    assert equal(run_folder / "last.safetensors", Path("again/last.safetensors"))
    assert not equal(run_folder / "last.safetensors", Path("other/last.safetensors"))


def test_an_average_is_trained_saved_and_denoised_with(n2n: Command, photos: Path) -> None:
    outcome = n2n("train", photos, "--noise", "gaussian:25", *QUICK, "--average", 0.9, "--out", "run")
    assert outcome.code == 0, outcome.err
    tensors = load_file("run/best.safetensors")
    assert not torch.equal(tensors["average.0.weight"], tensors["params.0.weight"])
    outcome = n2n("denoise", next(photos.iterdir()), "--run", "run", "--out", "out.png")
    assert outcome.code == 0, outcome.err


def test_the_command_in_the_card_makes_the_same_run_again(n2n: Command, photos: Path) -> None:
    options = (
        "--loss",
        "l0",
        "--no-flips",
        "--schedule",
        "cosine",
        "--betas",
        0.8,
        0.99,
        "--average",
        0.9,
        "--seed",
        3,
    )
    assert n2n("train", photos, "--noise", "gaussian:5-25", *QUICK, *options, "--out", "run").code == 0
    command = next(line for line in Path("run/card.md").read_text().splitlines() if line.startswith("n2n train"))
    assert n2n(*shlex.split(command)[1:], "--out", "again").code == 0
    assert equal(Path("run/last.safetensors"), Path("again/last.safetensors"))
    assert n2n(*shlex.split(command.replace("l0", "l2"))[1:], "--out", "other").code == 0
    assert not equal(Path("run/last.safetensors"), Path("other/last.safetensors"))
