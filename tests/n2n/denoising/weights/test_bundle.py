import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from torch import Generator

import n2n.denoising.weights.bundle
from n2n.denoising.denoise import Trained, denoise
from n2n.denoising.weights import bundled, names, packed
from n2n.errors import InputError
from n2n.training.checkpoint import Checkpoint, save_checkpoint
from n2n.training.settings import Settings
from n2n.training.state import State

CPU = torch.device("cpu")


def checkpoint() -> Checkpoint:
    settings = Settings(network="guided", noise="gaussian:25", average=0.9)
    params, average = (settings.layer(3).init(Generator().manual_seed(seed), (3, 32, 32))[0] for seed in (0, 1))
    state = State(params, settings.optimizer().init(params), Generator().get_state(), 1, average)
    return Checkpoint(settings, state, (3, 32, 32), None)


def test_a_run_is_put_into_the_bundle_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path / "run.safetensors", checkpoint())
    command = [
        sys.executable,
        "-m",
        "n2n.denoising.weights",
        str(tmp_path / "run.safetensors"),
        str(tmp_path / "mine.safetensors"),
    ]
    subprocess.run(command, check=True)
    monkeypatch.setattr(n2n.denoising.weights.bundle, "files", lambda _: tmp_path)
    image = torch.rand(3, 40, 40, generator=Generator().manual_seed(0))
    before, after = Trained.from_checkpoint(checkpoint()), bundled("mine", CPU)
    assert (after.channels, after.tile, after.guided) == (before.channels, before.tile, before.guided)
    torch.testing.assert_close(denoise(after, image), denoise(before, image), atol=1e-3, rtol=0)


def test_the_bundle_is_small() -> None:
    assert len(packed(checkpoint())) < 1e6
    assert sum(len(file.read_bytes()) for file in _bundle()) < 3e6


def test_the_card_has_the_command_that_made_each_network() -> None:
    card = (files(n2n.denoising.weights) / "README.md").read_text()
    for name, file in zip(names(), _bundle(), strict=True):
        data = file.read_bytes()
        settings = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["settings"])
        typed = {
            "network": settings["network"],
            "noise": settings["noise"],
            "size": settings["size"],
            "count": settings["pairs"],
            "epochs": settings["epochs"],
            "batch": settings["batch"],
            "lr": settings["lr"],
            "average": settings["average"],
        }
        words = " ".join(f"--{option} {value}" for option, value in typed.items())
        assert f"n2n train {words} --out runs/{name}\n" in card
        assert f"python -m n2n.denoising.weights runs/{name} n2n/denoising/weights/{name}.safetensors\n" in card
        assert not settings["photos"]


def test_an_unknown_kind_of_noise_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="gaussian"):
        bundled("gausian", CPU)


def _bundle() -> list[Path]:
    return sorted(Path(str(files(n2n.denoising.weights))).glob("*.safetensors"))
