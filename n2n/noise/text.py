"""Writing over the picture."""

import math
import string
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from n2n.noise.covering import Covering

__all__ = ["Text"]

SIZES = range(8, 33)  # of the font, in pixels
LETTERS = string.ascii_letters + string.digits
LONGEST = 12


@dataclass(frozen=True)
class Text(Covering):
    """Writes random strings over the picture until about a share `low` to `high` of its pixels is covered.

    Each string has its own letters, place, size (8 to 32 pixels) and colour, uniform in [0, 1]; the font, Pillow's
    own, and the direction stay, as in the Noise2Noise paper. Edges of letters blend with what they cover, and
    count as covered. Strings may begin or end outside the picture. The last one is written or left out by chance,
    so that the share is met on average, also in pictures that a single string overfills. The clean picture is
    what a pixel shows most often, and the median as long as less than half is covered.

    >>> noisy = Text(0.25, 0.25)(torch.zeros(1, 3, 256, 256), torch.Generator().manual_seed(0))
    >>> round(float((noisy != 0).any(1).float().mean()), 2)
    0.25
    """

    usage = "text:P or text:LOW-HIGH with the share of the pixels that text covers, as in text:0.25"

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        shares = self.strengths(images, generator).flatten().tolist()
        written = [_written(image, share, generator) for image, share in zip(images, shares, strict=True)]
        return torch.stack(written) if written else images.clone()


def _written(image: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """The picture, (C, H, W), with text over about a share of it."""
    result = image.cpu().numpy().copy()
    channels, height, width = result.shape
    covered = np.zeros((height, width), dtype=bool)
    missing = share * height * width
    while missing > 0:
        drawn = torch.rand(5 + LONGEST + channels, generator=generator, device=generator.device).tolist()
        (down, across, size, length, chance), letters, colour = drawn[:5], drawn[5:-channels], drawn[-channels:]
        count = 1 + math.floor(length * LONGEST)
        words = "".join(LETTERS[math.floor(letter * len(LETTERS))] for letter in letters[:count])
        ink = _ink(words, SIZES[math.floor(size * len(SIZES))])
        top = math.floor(down * (height + ink.shape[0])) - ink.shape[0]
        left = math.floor(across * (width + ink.shape[1])) - ink.shape[1]
        ink = ink[max(-top, 0) : height - top, max(-left, 0) : width - left]
        place = np.s_[max(top, 0) : max(top, 0) + ink.shape[0], max(left, 0) : max(left, 0) + ink.shape[1]]
        more = np.count_nonzero((ink > 0) & ~covered[place])
        if more * chance > missing:
            break
        covered[place] |= ink > 0
        missing -= more
        part = result[:, *place]
        part += ink * (np.array(colour, dtype=result.dtype)[:, None, None] - part)
    return torch.from_numpy(result).to(image.device)


def _ink(words: str, size: int) -> NDArray[np.float32]:
    """How much of each pixel the letters cover, in [0, 1], in the smallest box around them."""
    font = _font(size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(words))
    canvas = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(canvas).text((-left, -top), words, fill=255, font=font)
    return np.asarray(canvas, dtype=np.float32) / np.float32(255)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
