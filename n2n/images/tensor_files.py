"""Tensor files: image pairs in a .npy or .npz, or saved by torch as the course's .pkl."""

import pickle
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from n2n.errors import InputError
from n2n.noise.scenes import unit

__all__ = ["TENSOR_SUFFIXES", "TensorPairs", "read_tensors"]

TENSOR_SUFFIXES = (".npy", ".npz", ".pkl", ".pt")


@dataclass(frozen=True, eq=False)
class TensorPairs:
    """Noisy images and their second ones, uint8, uint16 or floating in about [0, 1], (N, C, H, W).

    `clean` says whether the second images are clean ones or other noisy ones; None if the file does not say. Where
    `numbers`, int64 (K,), are given, the pairs are those of the numbers.
    """

    noisy: Tensor
    second: Tensor
    clean: bool | None
    numbers: Tensor | None = None

    def __len__(self) -> int:
        return len(self.noisy if self.numbers is None else self.numbers)

    def only(self, chosen: Tensor) -> "TensorPairs":
        """Some of the pairs; the images are not copied."""
        return replace(self, numbers=chosen if self.numbers is None else self.numbers[chosen])

    def images(self, chosen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All, or those of the chosen numbers, float32 in about [0, 1], in memory of their own."""
        numbers = self.numbers if chosen is None else self.only(chosen).numbers
        numbers = torch.arange(len(self.noisy)) if numbers is None else numbers
        return unit(_taken(self.noisy, numbers)), unit(_taken(self.second, numbers))


def read_tensors(path: str | Path) -> TensorPairs:
    """The image pairs of a tensor file.

    An `.npy` holds one array (N, 2, C, H, W), the two noisy captures of each image, and is read as it is drawn
    from, so it may be larger than memory. An `.npz` holds arrays `noisy` and `clean`, or `noisy` and `target`;
    any other file is a tuple of two tensors saved by `torch.save`, as the course's `.pkl`, which does not say
    whether the second is clean. Images are uint8, uint16, or floating in about [0, 1], (N, C, H, W) with 1 or 3
    channels. Raises `InputError` for anything else; code that a file carries is never run.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder where a tensor file is expected ({', '.join(TENSOR_SUFFIXES)})")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    readers = {".npy": _read_npy, ".npz": _read_npz}
    noisy, second, clean = readers.get(path.suffix.lower(), _read_pickle)(path)
    if noisy.shape != second.shape or noisy.ndim != 4 or noisy.shape[1] not in (1, 3) or noisy.numel() == 0:
        shapes = f"{tuple(noisy.shape)} and {tuple(second.shape)}"
        raise InputError(f"{path} holds tensors {shapes}: two of one shape (N, 1 or 3, H, W) are needed")
    _check_numbers(noisy, path)
    _check_numbers(second, path)
    return TensorPairs(noisy, second, clean)


def _taken(images: Tensor, numbers: Tensor) -> Tensor:
    """Copies of the images of the numbers. Of 16 bits, torch takes signed ones only."""
    return images.view(torch.int16)[numbers].view(images.dtype) if images.dtype == torch.uint16 else images[numbers]


def _read_npy(path: Path) -> tuple[Tensor, Tensor, bool]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged file can make its reader raise anything
        raise InputError(f"{path} is no .npy file that can be read: it is cut off, or no array of numbers") from error
    if not isinstance(array, np.ndarray) or array.ndim != 5 or array.shape[1] != 2:
        found = array.shape if isinstance(array, np.ndarray) else "an archive"
        raise InputError(f"{path} holds {found}: an array (N, 2, C, H, W), two captures of each image, is needed")
    try:
        with warnings.catch_warnings(action="ignore"):  # the file cannot be written to, and is not
            pairs = torch.from_numpy(array)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} holds an array that is not of numbers ({error})") from error
    return pairs[:, 0], pairs[:, 1], False


def _read_npz(path: Path) -> tuple[Tensor, Tensor, bool]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("noisy", "clean", "target") if name in file}
            found = ", ".join(file.files)
    except Exception as error:  # a damaged archive can make its reader raise anything
        raise InputError(f"{path} is no .npz file that can be read: it is cut off, or no arrays of numbers") from error
    if len(arrays) != 2 or "noisy" not in arrays:
        raise InputError(f"{path} holds {found}: 'noisy' and either 'clean' or 'target' are needed")
    try:
        noisy, second = (torch.from_numpy(_in_native_order(array)) for array in arrays.values())
    except TypeError as error:
        raise InputError(f"{path} holds arrays that are not of numbers ({error})") from error
    return noisy, second, "clean" in arrays


def _in_native_order(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, with bytes in the order that torch knows."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _read_pickle(path: Path) -> tuple[Tensor, Tensor, None]:
    try:
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path} holds more than tensors, which is not run, or is damaged") from error
    except Exception as error:  # a damaged file can make its reader raise anything
        raise InputError(f"{path} is no tensor file that can be read: save one with torch.save") from error
    if not (isinstance(content, tuple | list) and len(content) == 2 and all(map(_is_plain, content))):
        raise InputError(f"{path} is not a pair of tensors: save one with torch.save((noisy, target), path)")
    return content[0].detach(), content[1].detach(), None


def _is_plain(content: object) -> bool:
    if not isinstance(content, Tensor) or content.is_quantized:
        return False
    return content.layout == torch.strided and content.device.type == "cpu"


def _check_numbers(images: Tensor, path: Path) -> None:
    if images.dtype in (torch.uint8, torch.uint16):
        return
    if images.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise InputError(f"{path} holds {images.dtype} numbers: uint8, uint16, or finite ones in [0, 1], are needed")
    for few in images.split(256):  # all of them may be more than memory holds
        if not bool(few.isfinite().all()):
            raise InputError(f"{path} holds numbers that are not finite: finite ones in [0, 1] are needed")
        low, high = map(float, few.aminmax())
        if max(-low, high) > 4:
            raise InputError(f"{path} holds numbers from {low:g} to {high:g}: scale them so that white is 1")
