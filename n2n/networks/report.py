"""The report's four networks, and their variants with transposed convolutions, which it calls future work.

A variant has one transposed convolution where the report repeats pixels and convolves: of the same channels and the
same kernel, so of as many parameters, and between images of the same sizes. Its stride is the scale, but for the first
of Net3, where the report enlarges 3 times and takes every second pixel of that: 9 pixels become 12, which leaves no
stride but 1. k, s, p and o are kernel, stride, padding and output padding; sizes are those of images of 32 pixels.

| net  | the report's up 1 | transposed     | sizes | the report's up 2 | transposed     | sizes |
| ---- | ----------------- | -------------- | ----- | ----------------- | -------------- | ----- |
| Net1 | 9→12 ×2 k4 p1     | k4 s2 p2 o1    | 9→17  | 12→3 ×2 k3        | k3 s2 p2 o1    | 17→32 |
| Net2 | 12→9 ×2 k4        | k4 s2 p3 o1    | 10→17 | 9→3 ×2 k3         | k3 s2 p2 o1    | 17→32 |
| Net3 | 9→12 ×3 k4 s2     | k4 s1          | 9→12  | 12→3 ×3 k5        | k5 s3 p3       | 12→32 |
| Net4 | 9→12 ×2 k2        | k2 s2 p1 o1    | 9→17  | 12→3 ×2 k3        | k3 s2 p2 o1    | 17→32 |

Net1, Net2 and Net4 give back the size of an image whose sides are multiples of 4, which others are enlarged to; Net3
gives back 32 pixels and hardly any other size, so it works on squares of 32.
"""

import nn
from n2n.networks.any_size import in_tiles, padded_to
from nn import Conv2d, ConvTranspose2d, Layer, ReLU, Sigmoid, UpsampleConv2d

__all__ = [
    "TILE",
    "net1",
    "net1_transposed",
    "net2",
    "net2_transposed",
    "net3",
    "net3_transposed",
    "net4",
    "net4_transposed",
]

TILE = 32  # of Net3


def net1(channels: int) -> Layer:
    """The report's first network: kernels of 4 at stride 2, then repeated pixels."""
    return padded_to(4, _hourglass(*_DOWN1, UpsampleConv2d(12, 4, padding=1), UpsampleConv2d(channels, 3)))


def net2(channels: int) -> Layer:
    """The report's second network: kernels of 3 at stride 2, then repeated pixels."""
    return padded_to(4, _hourglass(*_DOWN2, UpsampleConv2d(9, 4), UpsampleConv2d(channels, 3)))


def net3(channels: int) -> Layer:
    """The report's third network: kernels of 2 at stride 2, then pixels repeated 3 times, in squares of 32 pixels."""
    up = UpsampleConv2d(12, 4, scale_factor=3, stride=2), UpsampleConv2d(channels, 5, scale_factor=3)
    return in_tiles(TILE, _hourglass(*_DOWN34, *up))


def net4(channels: int) -> Layer:
    """The report's fourth network, which it chose: kernels of 2 at stride 2, then repeated pixels."""
    return padded_to(4, _hourglass(*_DOWN34, UpsampleConv2d(12, 2), UpsampleConv2d(channels, 3)))


def net1_transposed(channels: int) -> Layer:
    """net1 with transposed convolutions in place of repeated pixels."""
    up = ConvTranspose2d(12, 4, stride=2, padding=2, output_padding=1), _doubled(channels)
    return padded_to(4, _hourglass(*_DOWN1, *up))


def net2_transposed(channels: int) -> Layer:
    """net2 with transposed convolutions in place of repeated pixels."""
    up = ConvTranspose2d(9, 4, stride=2, padding=3, output_padding=1), _doubled(channels)
    return padded_to(4, _hourglass(*_DOWN2, *up))


def net3_transposed(channels: int) -> Layer:
    """net3 with transposed convolutions in place of repeated pixels."""
    up = ConvTranspose2d(12, 4), ConvTranspose2d(channels, 5, stride=3, padding=3)
    return in_tiles(TILE, _hourglass(*_DOWN34, *up))


def net4_transposed(channels: int) -> Layer:
    """net4 with transposed convolutions in place of repeated pixels."""
    up = ConvTranspose2d(12, 2, stride=2, padding=1, output_padding=1), _doubled(channels)
    return padded_to(4, _hourglass(*_DOWN34, *up))


_DOWN1 = Conv2d(12, 4, stride=2, padding=2), Conv2d(9, 4, stride=2, padding=2)
_DOWN2 = Conv2d(12, 3, stride=2, padding=2), Conv2d(12, 3, stride=2, padding=2)
_DOWN34 = Conv2d(12, 2, stride=2), Conv2d(9, 2, stride=2, padding=1)


def _doubled(channels: int) -> Layer:
    """The last layer of all variants but Net3's."""
    return ConvTranspose2d(channels, 3, stride=2, padding=2, output_padding=1)


def _hourglass(down1: Layer, down2: Layer, up1: Layer, up2: Layer) -> Layer:
    return nn.serial(down1, ReLU(), down2, ReLU(), up1, ReLU(), up2, Sigmoid())
