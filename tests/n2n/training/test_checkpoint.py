import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Generator

import tape
from n2n.errors import InputError
from n2n.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from n2n.training.settings import Settings
from n2n.training.state import State

CPU = torch.device("cpu")


@pytest.fixture(params=[None, 0.999], ids=["plain", "averaged"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    settings = Settings(network="net4", captures=("a", "b"), average=request.param)
    params, _ = settings.layer(3).init(Generator().manual_seed(0), (3, 32, 32))
    average = None if request.param is None else settings.layer(3).init(Generator().manual_seed(1), (3, 32, 32))[0]
    state = State(params, settings.optimizer().init(params), Generator().manual_seed(7).get_state(), 12, average)
    return Checkpoint(settings, state, (3, 32, 32), 21.5)


def test_a_checkpoint_comes_back_whole(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.safetensors", checkpoint)
    loaded = load_checkpoint(tmp_path / "c.safetensors", CPU)
    assert loaded.settings == checkpoint.settings
    assert (loaded.shape, loaded.psnr, loaded.state.step) == ((3, 32, 32), 21.5, 12)
    assert tape.tree.paths(loaded.state) == tape.tree.paths(checkpoint.state)
    for a, b in zip(tape.tree.leaves(loaded.state), tape.tree.leaves(checkpoint.state), strict=True):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))


def test_a_checkpoint_from_before_there_were_averages_still_loads(tmp_path: Path) -> None:
    settings = Settings(network="net4")
    params, _ = settings.layer(3).init(Generator().manual_seed(0), (3, 32, 32))
    state = State(params, settings.optimizer().init(params), Generator().get_state(), 12)
    save_checkpoint(tmp_path / "c", Checkpoint(settings, state, (3, 32, 32), None))
    with safe_open(tmp_path / "c", framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    older = json.loads(metadata["settings"])
    del older["average"]
    save_file(tensors, tmp_path / "older", metadata | {"settings": json.dumps(older)})
    assert load_checkpoint(tmp_path / "older", CPU).state.average is None


def test_a_full_disk_leaves_the_last_checkpoint(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, checkpoint)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device; the file that is there is unchanged"):
        save_checkpoint(path, checkpoint._replace(psnr=99.0))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["c.safetensors"]  # noqa: PTH208


def test_what_is_no_checkpoint_is_refused_by_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    whole, cut, foreign = (tmp_path / name for name in ("whole", "cut", "foreign"))
    save_checkpoint(whole, checkpoint)
    cut.write_bytes(whole.read_bytes()[:-100])
    save_file({"x": torch.zeros(1)}, foreign)
    for path, reason in ((cut, "damaged"), (foreign, "no checkpoint of n2n"), (tmp_path / "none", "there is no")):
        with pytest.raises(InputError, match=reason) as caught:
            load_checkpoint(path, CPU)
        assert path.name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("step", "many"), ("shape", "3"), ("shape", "[3]"), ("psnr", ""), ("settings", '{"betas": 3, "captures": 5}')],
)
def test_damaged_metadata_are_refused_by_name(checkpoint: Checkpoint, tmp_path: Path, name: str, text: str) -> None:
    tensors, metadata = contents(checkpoint, tmp_path)
    save_file(tensors, tmp_path / "c", {**metadata, name: text})
    with pytest.raises(InputError, match=f"^{tmp_path / 'c'} "):
        load_checkpoint(tmp_path / "c", CPU)


@pytest.mark.parametrize("name", ["params", "optimizer", "generator"])
@pytest.mark.parametrize("other", [torch.zeros(3, 5), torch.zeros(2, dtype=torch.int16)], ids=str)
def test_a_tensor_of_another_shape_is_refused_by_name(
    checkpoint: Checkpoint, tmp_path: Path, name: str, other: torch.Tensor
) -> None:
    tensors, metadata = contents(checkpoint, tmp_path)
    chosen = next(each for each in tensors if each.startswith(name))
    save_file({**tensors, chosen: other}, tmp_path / "c", metadata)
    with pytest.raises(InputError, match=rf"damaged \({chosen} is torch\.{str(other.dtype)[6:]}"):
        load_checkpoint(tmp_path / "c", CPU)


def contents(checkpoint: Checkpoint, folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    save_checkpoint(folder / "whole", checkpoint)
    with safe_open(folder / "whole", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
