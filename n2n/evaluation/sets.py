"""What is evaluated: clean photographs that get noise, noisy captures, bursts of them, or a tensor file.

Pictures are taken whole, or crops of them as training draws them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch import Generator

from n2n.errors import InputError
from n2n.evaluation.examples import Example, examples, tensor_images, whole_captures, whole_photos
from n2n.images import list_images
from n2n.images.tensor_files import read_tensors
from n2n.metrics import SSIM_WINDOW
from n2n.noise import Noise, parse_noise
from n2n.sources import Source, bursts, captures, photos
from n2n.training.own_pictures import brought_noise
from n2n.training.settings import Settings

__all__ = ["Crops", "EvaluationSet", "burst_set", "capture_set", "photo_set", "tensor_set"]


class EvaluationSet(NamedTuple):
    """The pictures to measure on, what they are in words, and the files that they are from.

    `noise` is what clean pictures got, None where they bring their own. `clean` says whether their second versions
    are clean or other noisy ones.
    """

    examples: Sequence[Example]
    name: str
    paths: Sequence[Path]
    noise: Noise | None
    clean: bool


@dataclass(frozen=True)
class Crops:
    """How many, and their side in pixels."""

    count: int
    size: int

    def of(self, source: Source, seed: int) -> list[Example]:
        return examples(*source.validation(self.count, Generator().manual_seed(seed)))


def photo_set(
    folder: Path, noise: str | None, settings: Settings | None, crops: Crops | None, seed: int
) -> EvaluationSet:
    """Clean photographs, whole or crops of them, with `noise`, or else that of a run's settings.

    Raises InputError where neither says what noise.
    """
    paths = list_images(folder)
    model = _noise(noise, settings)
    if crops is None:
        return EvaluationSet(whole_photos(paths, model, seed), f"{folder}, whole, with {model}", paths, model, True)
    drawn = crops.of(photos(folder, model, crops.size, held_out=1, flips=False), seed)
    return EvaluationSet(drawn, f"{_square(crops)} from {folder} with {model}", paths, model, True)


def capture_set(first: Path, second: Path, crops: Crops | None, seed: int) -> EvaluationSet:
    """Two folders of noisy captures, equal names showing the same scene; whole, or crops of them."""
    source = captures(first, second, _least(crops), held_out=1, flips=False)
    pairs = list(zip(list_images(first), list_images(second), strict=True))
    return _noisy(source, pairs, [pair[0].name for pair in pairs], first, crops, seed)


def burst_set(folder: Path, crops: Crops | None, seed: int) -> EvaluationSet:
    """A folder with a folder of noisy captures for each scene: the first two, whole, or crops of any two."""
    source = bursts(folder, _least(crops), held_out=1, flips=False)
    scenes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    pairs = [(first, second) for first, second, *_ in map(list_images, scenes)]
    return _noisy(source, pairs, [scene.name for scene in scenes], folder, crops, seed)


def tensor_set(path: Path) -> EvaluationSet:
    """All the images of a tensor file; its second ones count as clean where it does not say that they are not."""
    content = read_tensors(path)
    pictures = tensor_images(content)
    height, width = pictures[0].noisy.shape[1:]
    return EvaluationSet(pictures, f"{width}×{height} from {path}", [path], None, content.clean is not False)


def _noise(given: str | None, settings: Settings | None) -> Noise:
    if settings is None:
        if given is None:
            raise InputError("say which noise the photographs get: give --noise, as in --noise gaussian:25")
        return parse_noise(given)
    if given is None and brought_noise(settings):
        raise InputError("the run's captures brought their own noise: give --noise, as in --noise gaussian:25")
    return parse_noise(given or settings.noise)


def _noisy(
    source: Source,
    pairs: Sequence[tuple[Path, Path]],
    names: Sequence[str],
    folder: Path,
    crops: Crops | None,
    seed: int,
) -> EvaluationSet:
    paths = [path for pair in pairs for path in pair]
    if crops is None:
        return EvaluationSet(whole_captures(names, pairs), f"{folder}, whole", paths, None, False)
    return EvaluationSet(crops.of(source, seed), f"{_square(crops)} from {folder}", paths, None, False)


def _least(crops: Crops | None) -> int:
    """The side in pixels that every picture must have."""
    return SSIM_WINDOW if crops is None else crops.size


def _square(crops: Crops) -> str:
    return f"{crops.size}×{crops.size}"
