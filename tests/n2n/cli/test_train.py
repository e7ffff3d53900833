import errno
import json
import os
import pickle
import re
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from n2n.training.checkpoint import load_checkpoint
from n2n.training.diagnosis import is_finite
from n2n.training.run import Run
from tests.n2n.cli.conftest import QUICK, Command


def equal(a: Path, b: Path) -> bool:
    left, right = load_file(a), load_file(b)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


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


class Payload:
    """Would leave a file behind if it were unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return Path.touch, (Path("ran"),)  # type: ignore[return-value]


def truncated(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.fixture
def bad_files(tmp_path: Path) -> None:
    """One folder or file for each way in which pictures can be wrong."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for name in ("empty", "cut", "text", "small", "a", "b", "c", "exists"):
        (tmp_path / name).mkdir()
    Image.fromarray(noise).save(tmp_path / "cut" / "x.png")
    truncated(tmp_path / "cut" / "x.png")
    (tmp_path / "text" / "x.png").write_text("not a picture")
    Image.fromarray(noise[:20]).save(tmp_path / "small" / "x.png")
    Image.fromarray(noise[:40, :40]).save(tmp_path / "a" / "1.png")
    Image.fromarray(noise[:44, :44]).save(tmp_path / "b" / "1.png")
    Image.fromarray(noise[:40, :40]).save(tmp_path / "c" / "2.png")
    torch.save((torch.zeros(1), "text"), tmp_path / "one.pkl")
    (tmp_path / "code.pkl").write_bytes(pickle.dumps(Payload()))
    (tmp_path / "exists" / "config.json").write_text("{}")


BAD = {
    "a folder without images": (["empty"], "empty"),
    "a folder that does not exist": (["none"], "none"),
    "a truncated image": (["cut", "--noise", "gaussian:25"], "x.png"),
    "a file that is no image": (["text", "--noise", "gaussian:25"], "x.png"),
    "an image smaller than the crop": (["small", "--noise", "gaussian:25"], "x.png"),
    "a .pkl that is not two tensors": (["one.pkl"], "one.pkl"),
    "a .pkl that carries code": (["code.pkl"], "code.pkl"),
    "pairs that differ in size": (["--pairs", "a", "b"], "44×44"),
    "pairs that differ in name": (["--pairs", "a", "c"], "1.png"),
    "an unknown noise": (["--noise", "guassian:25"], "'gaussian'"),
    "an unknown network": (["--network", "strid1"], "'stride1'"),
    "an average that forgets nothing": (["--average", "1"], "average is 1.0"),
    "a run folder that exists": (["--out", "exists"], "exists"),
    "an unknown device": (["--device", "gpu"], "--device cpu"),
    "noise for captures that have their own": (["--pairs", "a", "b", "--noise", "gaussian:25"], "--noise"),
    "noise for a tensor file": (["one.pkl", "--noise", "gaussian:25"], "--noise"),
    "a validation file for photographs": (["text", "--validation", "one.pkl"], "--validation"),
    "a run that never saves": (["--save-every", "0"], "--save-every"),
    "an unknown loss": (["--loss", "l3"], "unknown loss"),
    "an unknown schedule": (["--schedule", "cosinus"], "'cosine'"),
    "a decay that forgets nothing": (["--betas", "0.9", "1"], "betas"),
    "targets that are neither noisy nor clean": (["--targets", "cleen"], "'clean'"),
    "clean targets of captures": (["--pairs", "a", "b", "--targets", "clean"], "no clean images"),
    "bursts that do not exist": (["--bursts", "none"], "none"),
    "noise for bursts": (["--bursts", "a", "--noise", "gaussian:25"], "--noise"),
    "bursts beside captures": (["--bursts", "a", "--pairs", "a", "b"], "one source"),
    "a folder for bursts without folders": (["--bursts", "a"], "no folders"),
    "settings for a run that goes on": (["--resume", "exists", "--lr", "0.1"], "with --resume"),
}


@pytest.mark.usefixtures("bad_files")
@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gives_one_sentence_and_loses_nothing(n2n: Command, tmp_path: Path, kind: str) -> None:
    arguments, word = BAD[kind]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    outcome = n2n("train", *QUICK, *arguments)
    assert outcome.code == 2
    assert word in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert "Traceback" not in outcome.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_full_disk_ends_training_and_leaves_the_last_checkpoint(
    n2n: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def fills_up(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written > 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fills_up)
    outcome = n2n("train", photos, "--noise", "gaussian:25", *QUICK, "--out", "run")
    assert outcome.code == 2
    assert "No space left on device" in outcome.err
    assert load_checkpoint(Path("run/last.safetensors"), torch.device("cpu")).state.step > 0
    monkeypatch.undo()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_is_saved_and_says_how_to_go_on(
    n2n: Command, photos: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    real = Run.log

    def interrupt(run: Run, **entry: object) -> None:
        if entry["step"] == 3:
            os.kill(os.getpid(), number)
        real(run, **entry)

    arguments = ("train", photos, "--noise", "gaussian:25", *QUICK, "--out")
    assert n2n(*arguments, "whole").code == 0
    with monkeypatch.context() as patched:
        patched.setattr(Run, "log", interrupt)
        outcome = n2n(*arguments, "run")
    assert outcome.code == 128 + number
    assert outcome.out.endswith("stopped, and saved at step 3; go on with: n2n train --resume run\n")
    assert load_checkpoint(Path("run/last.safetensors"), torch.device("cpu")).state.step == 3
    assert n2n("train", "--resume", "run").code == 0
    assert equal(Path("run/last.safetensors"), Path("whole/last.safetensors"))
    steps = [json.loads(line)["step"] for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]


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


def test_a_rate_that_is_far_too_high_ends_with_the_layer_and_keeps_the_checkpoint(n2n: Command, photos: Path) -> None:
    options = ("--network", "residual", "--count", 40, "--batch", 4, "--lr", 1e6, "--schedule", "constant")
    outcome = n2n("train", photos, "--noise", "gaussian:25", *options, "--out", "run")
    assert outcome.code == 2
    assert len(outcome.err.strip().splitlines()) == 1
    assert re.search(r"at step \d+, which ends the training: in (the loss|layer \d of 3)", outcome.err)
    assert "lower the learning rate" in outcome.err
    assert "run keeps the checkpoint of step 0" in outcome.err
    state = load_checkpoint(Path("run/last.safetensors"), torch.device("cpu")).state
    assert state.step == 0
    assert is_finite(state.params)


def test_a_second_interrupt_does_not_wait_and_loses_only_what_was_not_saved(
    n2n: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Run.log

    def impatient(run: Run, **entry: object) -> None:
        if entry["step"] == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        real(run, **entry)

    arguments = ("train", photos, "--noise", "gaussian:25", *QUICK, "--out")
    assert n2n(*arguments, "whole").code == 0
    with monkeypatch.context() as patched:
        patched.setattr(Run, "log", impatient)
        outcome = n2n(*arguments, "my run")
    assert outcome.code == 130
    said = re.search(r"saved at step 2; go on with: n2n (.*)\n", outcome.out)
    assert said
    assert n2n(*shlex.split(said[1])).code == 0
    assert equal(Path("my run/last.safetensors"), Path("whole/last.safetensors"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_does_not_go_on_with_other_pictures(n2n: Command, run_folder: Path, photos: Path) -> None:
    whole = (photos / "0.png").read_bytes()
    Image.new("RGB", (96, 80)).save(photos / "0.png")
    before = (run_folder / "last.safetensors").read_bytes()
    outcome = n2n("train", "--resume", run_folder)
    assert outcome.code == 2
    assert f"the pictures that {run_folder} was begun with have changed: bring them back" in outcome.err
    assert (run_folder / "last.safetensors").read_bytes() == before
    (photos / "0.png").write_bytes(whole)
    assert n2n("train", "--resume", run_folder).code == 0
    (photos / "0.png").unlink()
    (run_folder / "pictures.json").unlink()
    assert n2n("train", "--resume", run_folder).code == 0
