"""A network that is told how strong the noise is, and else estimates it: one for all strengths.

The idea of the noise level as a further channel, and of working at half the resolution, is that of Zhang, Zuo and
Zhang, "FFDNet: toward a fast and flexible solution for CNN based image denoising", 2018, arXiv 1710.04026.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

import nn
import tape
from n2n.noise_level import noise_deviation
from nn import Conv2d, Layer, LeakyReLU, MaxPool2d, UpsampleNearest

__all__ = ["guided", "told"]

MULTIPLE = 16  # of which a picture's sides must be: two of a pixel's rows become one, and three poolings follow
FAINT = 5 / 255  # the deviation of noise of which no more than half is taken away at first


def guided(channels: int) -> Layer:
    """A U-Net on the picture at half its resolution, with the noise's deviation as a further channel.

    Images are (N, channels, H, W), whose noise is estimated for each image; or (N, channels + 1, H, W), whose last
    channel is its deviation, where white is 1. What is taken from the image vanishes with the noise: a picture
    without any stays as it is.
    """
    body = _unet(4 * channels)

    def init(generator: torch.Generator, shape: nn.Shape) -> tuple[nn.Params, nn.Shape]:
        _, height, width = shape
        half = ((height + -height % MULTIPLE) // 2, (width + -width % MULTIPLE) // 2)
        params, _ = body.init(generator, (4 * channels + 1, *half))
        return params, (channels, height, width)

    def apply(params: nn.Params, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if x.shape[1] == channels:
            x = with_level(x, noise_deviation(tape.stop_gradient(x)))
        padded = F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        image, level = padded[:, :channels], padded[:, channels:, ::2, ::2]
        half = torch.cat([F.pixel_unshuffle(image, 2) - 0.5, level], 1)
        noise = F.pixel_shuffle(level / (level + FAINT) * body.apply(params, half), 2)
        return x[:, :channels] - noise[:, :, :height, :width]

    return Layer(init, apply)


def told(layer: Layer, deviation: float) -> Layer:
    """The guided layer for images (N, C, H, W) whose noise has this deviation, where white is 1."""
    return Layer(layer.init, lambda params, x: layer.apply(params, with_level(x, x.new_full((len(x),), deviation))))


def with_level(images: Tensor, deviation: Tensor) -> Tensor:
    """Images (N, C, H, W) with the deviation of the noise of each, (N,), as a further channel."""
    return torch.cat([images, deviation[:, None, None, None].expand(-1, 1, *images.shape[2:])], 1)


def _unet(out_channels: int) -> Layer:
    """Four scales; its last layer begins at zero, so that nothing is taken from an image at first."""

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
