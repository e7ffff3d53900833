"""A run that is interrupted or fails keeps what it has saved, and goes on from there."""

import errno
import json
import os
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from n2n.training.checkpoint import load_checkpoint
from n2n.training.diagnosis import is_finite
from n2n.training.run import Run
from tests.n2n.cli.conftest import QUICK, Command
from tests.n2n.cli.train.comparison import equal


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests are a background job, which inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_that_was_ignored_stays_ignored(
    n2n: Command, photos: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    real = Run.log

    def disturbed(run: Run, **entry: object) -> None:
        os.kill(os.getpid(), number)
        real(run, **entry)

    monkeypatch.setattr(Run, "log", disturbed)
    before = signal.signal(number, signal.SIG_IGN)
    try:
        outcome = n2n("train", photos, "--noise", "gaussian:25", *QUICK, "--out", "run")
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
    assert outcome.code == 0, outcome.err
    assert load_checkpoint(Path("run/last.safetensors"), torch.device("cpu")).state.step == 4


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
