"""A picture in memory."""

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Picture"]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and what is needed to write it back as it came.

    `pixels` is float32 (C, H, W) in [0, 1], upright, C being 1 (grey) or 3 (RGB); `alpha`, float32 (H, W), is
    None for a picture without transparency. `depth` is the bits per channel on disk, 8 or 16. `exif`, `icc` and
    `xmp` are the file's own bytes, empty if it has none, and `dpi` its resolution.
    """

    pixels: Tensor
    alpha: Tensor | None = None
    depth: int = 8
    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[0] not in (1, 3) or self.pixels.numel() == 0:
            raise ValueError(f"pixels are (1 or 3, H, W), not {tuple(self.pixels.shape)}")
        if self.alpha is not None and self.alpha.shape != self.pixels.shape[1:]:
            raise ValueError(f"alpha is {tuple(self.alpha.shape)} and the pixels are {tuple(self.pixels.shape[1:])}")
        if self.depth not in (8, 16):
            raise ValueError(f"depth is 8 or 16 bits, not {self.depth}")
