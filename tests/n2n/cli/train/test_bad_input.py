"""Whatever is wrong with what the user gave is said in one sentence."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.n2n.cli.conftest import QUICK, Command


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
