"""Tensor files: image pairs in a .npz, or saved by torch as the course's .pkl."""

import pickle
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.scenes import unit

__all__ = ["TENSOR_SUFFIXES", "TensorPairs", "read_tensors"]

TENSOR_SUFFIXES = (".npz", ".pkl", ".pt")


class TensorPairs(NamedTuple):
    """Noisy images and their second ones, uint8 or float32 in about [0, 1], (N, C, H, W).

    `clean` says whether the second images are known to be clean; if not, they are other noisy ones.
    """

    noisy: Tensor
    second: Tensor
    clean: bool

    def images(self, chosen: Tensor | slice = slice(None)) -> tuple[Tensor, Tensor]:
        """All, or those of the chosen numbers, float32 in about [0, 1]."""
        return unit(self.noisy[chosen]), unit(self.second[chosen])


def read_tensors(path: str | Path) -> TensorPairs:
    """The image pairs of a tensor file.

    An `.npz` holds arrays `noisy` and `clean`, or `noisy` and `target`; any other file is a tuple of two
    tensors saved by `torch.save`, as the course's `.pkl`, which does not say whether the second is clean.
    Images are uint8, or floating in about [0, 1], (N, C, H, W) with 1 or 3 channels. Raises `InputError` for
    anything else; code that a file carries is never run.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    noisy, second, clean = _read_npz(path) if path.suffix.lower() == ".npz" else (*_read_pickle(path), False)
    if noisy.shape != second.shape or noisy.ndim != 4 or noisy.shape[1] not in (1, 3) or noisy.numel() == 0:
        shapes = f"{tuple(noisy.shape)} and {tuple(second.shape)}"
        raise InputError(f"{path} holds tensors {shapes}: two of one shape (N, 1 or 3, H, W) are needed")
    return TensorPairs(_checked(noisy, path), _checked(second, path), clean)


def _read_npz(path: Path) -> tuple[Tensor, Tensor, bool]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("noisy", "clean", "target") if name in file}
            found = ", ".join(file.files)
    except Exception as error:  # a damaged archive can make its reader raise anything
        raise InputError(f"{path} is no .npz file that can be read ({error})") from error
    if len(arrays) != 2 or "noisy" not in arrays:
        raise InputError(f"{path} holds {found}: 'noisy' and either 'clean' or 'target' are needed")
    try:
        noisy, second = (torch.from_numpy(array) for array in arrays.values())
    except TypeError as error:
        raise InputError(f"{path} holds arrays that are not of numbers ({error})") from error
    return noisy, second, "clean" in arrays


def _read_pickle(path: Path) -> tuple[Tensor, Tensor]:
    try:
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path} holds more than tensors, which is not run, or is damaged") from error
    except Exception as error:  # a damaged file can make its reader raise anything
        raise InputError(f"{path} is no tensor file that can be read") from error
    if not (isinstance(content, tuple | list) and len(content) == 2 and all(map(_is_plain, content))):
        raise InputError(f"{path} is not a pair of tensors: save one with torch.save((noisy, target), path)")
    return content[0], content[1]


def _is_plain(content: object) -> bool:
    return isinstance(content, Tensor) and content.layout == torch.strided and not content.is_quantized


def _checked(images: Tensor, path: Path) -> Tensor:
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point() or not bool(images.isfinite().all()):
        raise InputError(f"{path} holds {images.dtype} numbers: uint8, or finite ones in [0, 1], are needed")
    if float(images.abs().max()) > 4:
        raise InputError(f"{path} holds numbers up to {float(images.max()):g}: divide them so that white is 1")
    return images.detach().float()
