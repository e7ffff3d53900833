"""Checkpoints: one safetensors file with all that a run needs to go on, or a network to denoise."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Generator, Tensor

from n2n.errors import InputError
from n2n.images.files import write_whole
from n2n.training.settings import Settings
from n2n.training.state import State
from tape import tree

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]


class Checkpoint(NamedTuple):
    """What a checkpoint file holds.

    `shape` is (C, H, W) of the images that it was trained on. `psnr` is the score of its step in dB, and `clean` says
    whether it was measured against clean images; None where no score was taken.
    """

    settings: Settings
    state: State
    shape: tuple[int, int, int]
    psnr: float | None
    clean: bool | None = None


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint whole; a full disk leaves an earlier one as it was, and is an InputError."""
    state = checkpoint.state
    tensors = {
        **_named("params", state.params),
        **_named("optimizer", state.optimizer),
        **_named("average", state.average),
        "generator": state.generator,
    }
    metadata = {
        "settings": checkpoint.settings.to_json(),
        "shape": json.dumps(checkpoint.shape),
        "step": json.dumps(state.step),
        "psnr": json.dumps(checkpoint.psnr),
        "clean": json.dumps(checkpoint.clean),
    }
    write_whole(path, save({name: leaf.cpu().contiguous() for name, leaf in tensors.items()}, metadata))


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Reads a checkpoint. Raises InputError, naming the file, for one that is missing, damaged or foreign."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:  # also of a file that may not be read
        if path.exists():
            raise InputError(f"{path} may not be read: check its permissions") from None
        raise InputError(f"there is no checkpoint {path}: name the folder of a run, or a checkpoint file") from None
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or no checkpoint ({error}): restore it, or name another run") from None
    try:
        settings = Settings.from_json(metadata["settings"], path)
        shape = tuple(json.loads(metadata["shape"]))
        params, _ = settings.layer(shape[0]).init(Generator(), shape)
        state = State(
            params=_filled("params", params, tensors, device),
            optimizer=_filled("optimizer", settings.optimizer().init(params), tensors, device),
            generator=_alike("generator", Generator().get_state(), tensors),
            step=json.loads(metadata["step"]),
            average=None if settings.average is None else _filled("average", params, tensors, device),
        )
        clean = json.loads(metadata.get("clean", "null"))  # which older checkpoints do not say
        return Checkpoint(settings, state, shape, json.loads(metadata["psnr"]), clean)
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"{path} is a safetensors file, but no checkpoint of n2n: it lacks {error}") from None
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"{path} is damaged ({error}): restore it, or name another run") from None


def _named(prefix: str, values: Any) -> dict[str, Tensor]:
    return {f"{prefix}.{path}": leaf for path, leaf in zip(tree.paths(values), tree.leaves(values), strict=True)}


def _filled(prefix: str, like: Any, tensors: dict[str, Tensor], device: torch.device) -> Any:
    """A pytree like another, with the tensors that its paths name."""
    leaves, treedef = tree.flatten(like)
    found = [_alike(f"{prefix}.{path}", leaf, tensors) for path, leaf in zip(tree.paths(like), leaves, strict=True)]
    # A 0-d tensor, such as a count of steps, stays on the CPU where it is read without waiting for a device.
    return tree.unflatten(treedef, [t.to(device) if t.ndim else t for t in found])


def _alike(name: str, like: Tensor, tensors: dict[str, Tensor]) -> Tensor:
    """The tensor of a name. Raises ValueError where it has not the shape and the dtype of another."""
    found = tensors[name]
    if found.shape != like.shape or found.dtype != like.dtype:
        raise ValueError(f"{name} is {found.dtype} {tuple(found.shape)}, not {like.dtype} {tuple(like.shape)}")
    return found
