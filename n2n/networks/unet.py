"""The U-Net of the Noise2Noise paper (arXiv 1803.04189), alone and on top of a blur."""

import nn
from n2n.networks.any_size import padded_to
from n2n.networks.blur import correction
from nn import Conv2d, Layer, LeakyReLU, MaxPool2d, UpsampleNearest

__all__ = ["residual_unet", "small_unet", "unet"]


def unet(channels: int) -> Layer:
    """The U-Net of the Noise2Noise paper: five scales, with skips between them."""
    return _unet(channels, 48, _HE)


def small_unet(channels: int) -> Layer:
    """The U-Net with half as many channels in each layer."""
    return _unet(channels, 24, _HE)


def residual_unet(channels: int) -> Layer:
    """A correction to the blurred input, by the U-Net."""
    return correction(_unet(channels, 48, nn.zeros))


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
    return padded_to(32, whole)


_HE = nn.kaiming_normal(negative_slope=0.1)
