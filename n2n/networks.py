"""The denoising networks, by name. Each is a `Layer` from images (C, H, W) to images of the same shape.

The report's four, `net1` to `net4`, give back the shape at 32×32 and not at every other size.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

import nn
from n2n.errors import unknown
from n2n.guided import guided
from nn import Conv2d, Layer, LeakyReLU, MaxPool2d, ReLU, Sigmoid, UpsampleConv2d, UpsampleNearest

__all__ = ["GUIDED", "TILES", "network", "networks"]


def network(name: str, channels: int = 3) -> Layer:
    """The network of a name, for images of `channels` channels: 3 in colour, 1 in grey.

    Its function takes and returns floating-point images (N, C, H, W), in which black is 0 and white is 1.

    Raises InputError, a ValueError, for an unknown name.

    >>> import tape
    >>> params, shape = network("net4").init(torch.Generator().manual_seed(0), (3, 32, 32))
    >>> sum(leaf.numel() for leaf in tape.tree.leaves(params)), shape
    (1368, (3, 32, 32))
    """
    if name not in networks:
        raise unknown("network", name, networks)
    return networks[name](channels)


def net1(channels: int) -> Layer:
    return nn.serial(
        Conv2d(12, 4, stride=2, padding=2),
        ReLU(),
        Conv2d(9, 4, stride=2, padding=2),
        ReLU(),
        UpsampleConv2d(12, 4, padding=1),
        ReLU(),
        UpsampleConv2d(channels, 3),
        Sigmoid(),
    )


def net2(channels: int) -> Layer:
    return nn.serial(
        Conv2d(12, 3, stride=2, padding=2),
        ReLU(),
        Conv2d(12, 3, stride=2, padding=2),
        ReLU(),
        UpsampleConv2d(9, 4),
        ReLU(),
        UpsampleConv2d(channels, 3),
        Sigmoid(),
    )


def net3(channels: int) -> Layer:
    return nn.serial(
        Conv2d(12, 2, stride=2),
        ReLU(),
        Conv2d(9, 2, stride=2, padding=1),
        ReLU(),
        UpsampleConv2d(12, 4, scale_factor=3, stride=2),
        ReLU(),
        UpsampleConv2d(channels, 5, scale_factor=3),
        Sigmoid(),
    )


def net4(channels: int) -> Layer:
    return nn.serial(
        Conv2d(12, 2, stride=2),
        ReLU(),
        Conv2d(9, 2, stride=2, padding=1),
        ReLU(),
        UpsampleConv2d(12, 2),
        ReLU(),
        UpsampleConv2d(channels, 3),
        Sigmoid(),
    )


def stride1(channels: int) -> Layer:
    """Three convolutions at full resolution, which keeps the detail that a stride of 2 throws away."""
    return nn.serial(
        Conv2d(32, 3, padding=1),
        ReLU(),
        Conv2d(64, 3, padding=1),
        ReLU(),
        Conv2d(32, 3, padding=1),
        ReLU(),
        Conv2d(channels, 3, padding=1),
    )


def residual(channels: int) -> Layer:
    """A correction to the blurred input, by three convolutions."""
    return _correction(
        nn.serial(
            Conv2d(32, 3, padding=1),
            ReLU(),
            Conv2d(32, 3, padding=1),
            ReLU(),
            Conv2d(channels, 3, padding=1, weight_init=nn.zeros, bias_init=nn.zeros),
        )
    )


def unet(channels: int) -> Layer:
    """The U-Net of the Noise2Noise paper (arXiv 1803.04189): five scales, 991,203 parameters for 3 channels."""
    return _unet(channels, 48, _HE)


def small_unet(channels: int) -> Layer:
    """The U-Net with half as many channels in each layer."""
    return _unet(channels, 24, _HE)


def residual_unet(channels: int) -> Layer:
    """A correction to the blurred input, by the U-Net."""
    return _correction(_unet(channels, 48, nn.zeros))


def _unet(channels: int, width: int, last: nn.Initializer) -> Layer:
    """The paper's U-Net, whose first layers have 48 channels there; `last` begins the last layer."""

    def conv(out_channels: int) -> Layer:
        return nn.serial(Conv2d(out_channels, 3, padding=1, weight_init=_HE, bias_init=nn.zeros), LeakyReLU(0.1))

    def scale(depth: int) -> Layer:
        """What happens between a pooling and the upsampling that undoes it."""
        below = conv(width) if depth == 4 else scale(depth + 1)
        between = nn.skip(conv(width), MaxPool2d(2), below, UpsampleNearest(2))
        return nn.serial(between, conv(2 * width), conv(2 * width))

    whole = nn.serial(
        nn.skip(conv(width), conv(width), MaxPool2d(2), scale(1), UpsampleNearest(2)),
        conv(width * 4 // 3),
        conv(width * 2 // 3),
        Conv2d(channels, 3, padding=1, weight_init=last, bias_init=nn.zeros),
    )
    return _padded_to(32, whole)


def _correction(layer: Layer) -> Layer:
    """The blurred input plus a layer's output; it begins as the blur alone if the last weights begin at zero."""
    return Layer(layer.init, lambda params, x: gaussian_blur(x, 0.6) + layer.apply(params, x))


_HE = nn.kaiming_normal(negative_slope=0.1)


# What `network` chooses from: each takes the number of channels.
networks: dict[str, Callable[[int], Layer]] = {
    "guided": guided,
    "net1": net1,
    "net2": net2,
    "net3": net3,
    "net4": net4,
    "stride1": stride1,
    "residual": residual,
    "residual-unet": residual_unet,
    "unet": unet,
    "unet-small": small_unet,
}

# The report's networks give back the size they get at 32 pixels, and not at every other.
TILES = {"net1": 32, "net2": 32, "net3": 32, "net4": 32}

# These may be told the deviation of the noise.
GUIDED = {"guided"}


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Images (N, C, H, W) blurred with a Gaussian of `sigma` pixels; edges are repeated outwards."""
    radius = max(round(4 * sigma), 1)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    taps = (weights / weights.sum()).tolist()
    size = x.shape[2:]
    x = F.pad(x, (radius, radius, radius, radius), mode="replicate")
    for dim in (2, 3):
        x = torch.stack([tap * x.narrow(dim, i, size[dim - 2]) for i, tap in enumerate(taps)]).sum(0)
    return x


def _padded_to(multiple: int, layer: Layer) -> Layer:
    """The layer on images of any size, by repeating their last rows and columns up to a multiple."""

    def init(generator: torch.Generator, shape: nn.Shape) -> tuple[nn.Params, nn.Shape]:
        channels, height, width = shape
        params, out = layer.init(generator, (channels, height + -height % multiple, width + -width % multiple))
        return params, (out[0], height, width)

    def apply(params: nn.Params, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        padded = F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        return layer.apply(params, padded)[:, :, :height, :width]

    return Layer(init, apply)
