"""A network that is told how strong the noise is, and else estimates it: one for all strengths.

It corrects what sliding cosine transforms make of the picture. The noise level as a further channel, and half the
resolution to work at, are after Zhang, Zuo and Zhang, "FFDNet: toward a fast and flexible solution for CNN based image
denoising", 2018, arXiv 1710.04026.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

import nn
import tape
from n2n.classical.noise_level import noise_deviation
from n2n.classical.sliding_dct import sliding_dct
from nn import Conv2d, Layer, LeakyReLU, MaxPool2d, UpsampleNearest

__all__ = ["guided", "with_level"]

MULTIPLE = 16  # of which a picture's sides must be: two of a pixel's rows become one, and three poolings follow


def guided(channels: int) -> Layer:
    """What `sliding_dct` makes of the picture, and a correction by a U-Net at half its resolution.

    Images are (N, channels, H, W), whose noise is estimated for each image; or (N, channels + 1, H, W), whose last
    channel is its deviation, where white is 1. The U-Net sees the cleaned picture, what was taken from it, and the
    deviation. Its correction is in deviations: a picture without noise stays as it is.
    """
    body = _unet(4 * channels)

    def init(generator: torch.Generator, shape: nn.Shape) -> tuple[nn.Params, nn.Shape]:
        _, height, width = shape
        half = ((height + -height % MULTIPLE) // 2, (width + -width % MULTIPLE) // 2)
        params, _ = body.init(generator, (8 * channels + 1, *half))
        return params, (channels, height, width)

    def apply(params: nn.Params, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if x.shape[1] == channels:
            x = with_level(x, noise_deviation(tape.stop_gradient(x)))
        image, level = x[:, :channels], x[:, channels:]
        cleaned = sliding_dct(*(tape.stop_gradient(each) for each in (image, level[:, 0, 0, 0])))
        seen = torch.cat([cleaned - 0.5, image - cleaned, level], 1)
        seen = F.pad(seen, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        pixels, level = seen[:, : 2 * channels], seen[:, 2 * channels :, ::2, ::2]
        correction = level * body.apply(params, torch.cat([F.pixel_unshuffle(pixels, 2), level], 1))
        return cleaned + F.pixel_shuffle(correction, 2)[:, :, :height, :width]

    return Layer(init, apply)


def with_level(images: Tensor, deviation: Tensor) -> Tensor:
    """Images (N, C, H, W) with the deviation of the noise of each, (N,), as a further channel."""
    return torch.cat([images, deviation[:, None, None, None].expand(-1, 1, *images.shape[2:])], 1)


def _unet(out_channels: int) -> Layer:
    """Four scales; its last layer begins at zero, so that nothing is corrected at first."""

    def conv(width: int) -> Layer:
        return nn.serial(Conv2d(width, 3, padding=1, weight_init=_HE, bias_init=nn.zeros), LeakyReLU(0.1))

    def scale(depth: int) -> Layer:
        """What happens between a pooling and the upsampling that undoes it."""
        below = conv(64) if depth == 3 else scale(depth + 1)
        if depth == 3:
            return below
        return nn.serial(nn.skip(conv(64), MaxPool2d(2), below, UpsampleNearest(2)), conv(64), conv(64))

    return nn.serial(
        conv(48),
        nn.skip(conv(48), MaxPool2d(2), scale(1), UpsampleNearest(2)),
        conv(48),
        conv(48),
        Conv2d(out_channels, 3, padding=1, weight_init=nn.zeros, bias_init=nn.zeros),
    )


_HE = nn.kaiming_normal(negative_slope=0.1)
