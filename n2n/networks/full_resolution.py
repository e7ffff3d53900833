"""Networks of convolutions at full resolution, which keeps the detail that a stride of 2 throws away."""

import nn
from n2n.networks.blur import correction
from nn import Conv2d, ConvTranspose2d, Layer, ReLU

__all__ = ["residual", "stride1", "stride1_transposed"]


def stride1(channels: int) -> Layer:
    """Four convolutions at full resolution, 32, 64 and 32 channels between them."""
    return nn.serial(
        Conv2d(32, 3, padding=1),
        ReLU(),
        Conv2d(64, 3, padding=1),
        ReLU(),
        Conv2d(32, 3, padding=1),
        ReLU(),
        Conv2d(channels, 3, padding=1),
    )


def stride1_transposed(channels: int) -> Layer:
    """Two convolutions at full resolution and two transposed ones, with the channels of stride1."""
    return nn.serial(
        Conv2d(32, 3, padding=1),
        ReLU(),
        Conv2d(64, 3, padding=1),
        ReLU(),
        ConvTranspose2d(32, 3, padding=1),
        ReLU(),
        ConvTranspose2d(channels, 3, padding=1),
    )


def residual(channels: int) -> Layer:
    """A correction to the blurred input, by three convolutions at full resolution."""
    return correction(
        nn.serial(
            Conv2d(32, 3, padding=1),
            ReLU(),
            Conv2d(32, 3, padding=1),
            ReLU(),
            Conv2d(channels, 3, padding=1, weight_init=nn.zeros, bias_init=nn.zeros),
        )
    )
