import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

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


def test_a_run_goes_on_from_its_last_checkpoint_to_the_same_bits(n2n: Command, run_folder: Path) -> None:
    whole = (run_folder / "last.safetensors").read_bytes()
    (run_folder / "last.safetensors").unlink()
    metrics = (run_folder / "metrics.jsonl").read_text().splitlines()
    # An interruption after the first epoch leaves its checkpoint, which was also the best one then.
    from n2n.checkpoint import load_checkpoint, save_checkpoint
    from n2n.settings import Settings
    from n2n.training import begin, train

    settings = Settings.from_json((run_folder / "config.json").read_text(), run_folder)
    source = settings.source()
    updates = list(train(settings, source, begin(settings, source, torch.device("cpu"))))
    checkpoint = load_checkpoint(run_folder / "best.safetensors", torch.device("cpu"))
    save_checkpoint(run_folder / "last.safetensors", checkpoint._replace(state=updates[1].state))
    outcome = n2n("train", "--resume", run_folder)
    assert outcome.code == 0
    resumed = load_file(run_folder / "last.safetensors")
    (run_folder / "whole.safetensors").write_bytes(whole)
    expected = load_file(run_folder / "whole.safetensors")
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)
    assert len((run_folder / "metrics.jsonl").read_text().splitlines()) == len(metrics)


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


def bad_inputs(folder: Path) -> dict[str, tuple[list[object], str]]:
    """For each kind of bad input the arguments and a word of the answer; the files lie in `folder`."""
    (folder / "empty").mkdir()
    (folder / "cut").mkdir()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(folder / "cut" / "good.png")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "cut" / "x.png")
    truncated(folder / "cut" / "x.png")
    (folder / "text").mkdir()
    (folder / "text" / "x.png").write_text("not a picture")
    (folder / "small").mkdir()
    Image.fromarray(noise[:20]).save(folder / "small" / "x.png")
    torch.save((torch.zeros(1), "text"), folder / "one.pkl")
    (folder / "code.pkl").write_bytes(pickle.dumps(Payload()))
    for name, size in (("a", 40), ("b", 44), ("c", 40)):
        (folder / name).mkdir()
        Image.fromarray(noise[:size, :size]).save(folder / name / ("1.png" if name != "c" else "2.png"))
    (folder / "exists").mkdir()
    (folder / "exists" / "config.json").write_text("{}")
    return {
        "a folder without images": (["empty"], "empty"),
        "a folder that does not exist": (["none"], "none"),
        "a truncated image": (["cut", "--noise", "gaussian:25"], "x.png"),
        "a file that is no image": (["text", "--noise", "gaussian:25"], "x.png"),
        "an image smaller than the crop": (["small", "--noise", "gaussian:25"], "x.png"),
        "a .pkl that is not two tensors": (["one.pkl"], "one.pkl"),
        "a .pkl that carries code": (["code.pkl"], "code.pkl"),
        "pairs of other sizes": (["--pairs", "a", "b"], "44×44"),
        "pairs of other names": (["--pairs", "a", "c"], "1.png"),
        "an unknown noise": (["--noise", "guassian:25"], "gaussian"),
        "an unknown network": (["--network", "strid1"], "stride1"),
        "a run folder that exists": (["--out", "exists"], "exists"),
        "an unknown device": (["--device", "gpu"], "--device cpu"),
    }


@pytest.mark.parametrize(
    "kind",
    bad_inputs.__annotations__
    and [
        "a folder without images",
        "a folder that does not exist",
        "a truncated image",
        "a file that is no image",
        "an image smaller than the crop",
        "a .pkl that is not two tensors",
        "a .pkl that carries code",
        "pairs of other sizes",
        "pairs of other names",
        "an unknown noise",
        "an unknown network",
        "a run folder that exists",
        "an unknown device",
    ],
)
def test_bad_input_gives_one_sentence_and_loses_nothing(n2n: Command, tmp_path: Path, kind: str) -> None:
    arguments, word = bad_inputs(tmp_path)[kind]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    outcome = n2n("train", *arguments, *QUICK)
    assert outcome.code == 2
    assert word in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert "Traceback" not in outcome.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
