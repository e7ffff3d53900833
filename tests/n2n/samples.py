"""Pictures to test with."""

from pathlib import Path

import torch

from n2n.images import Picture, write_image


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(height: int, width: int, channels: int = 3, depth: int = 8, seed: int = 0) -> Picture:
    most = 2**depth - 1
    values = torch.randint(0, most + 1, (channels, height, width), generator=generator(seed))
    return Picture(values / most, depth=depth)


def folder(path: Path, **pictures: Picture) -> Path:
    path.mkdir()
    for name, each in pictures.items():
        write_image(path / f"{name}.{'tif' if each.depth == 16 else 'png'}", each)
    return path


def flat(level: float, height: int = 48, width: int = 48, channels: int = 3) -> Picture:
    """A picture of one shade, by which its crops are known again."""
    return Picture(torch.full((channels, height, width), level))


def shades(path: Path, count: int = 10) -> Path:
    """A folder of pictures of one shade each."""
    return folder(path, **{f"p{number}": flat(0.1 + number * 20 / 255) for number in range(count)})
