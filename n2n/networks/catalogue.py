"""The networks' names."""

from collections.abc import Callable

from n2n.errors import unknown
from n2n.networks import report
from n2n.networks.full_resolution import residual, stride1, stride1_transposed
from n2n.networks.guided import guided
from n2n.networks.unet import residual_unet, small_unet, unet
from nn import Layer

__all__ = ["GUIDED", "TILES", "network", "networks"]


def network(name: str, channels: int = 3) -> Layer:
    """The network of a name, for images of `channels` channels: 3 in colour, 1 in grey.

    Its function takes and returns floating-point images (N, C, H, W) of any size, in which black is 0 and white is 1.

    Raises InputError, a ValueError, for an unknown name.

    >>> import torch, tape
    >>> params, shape = network("net4").init(torch.Generator().manual_seed(0), (3, 32, 32))
    >>> sum(leaf.numel() for leaf in tape.tree.leaves(params)), shape
    (1368, (3, 32, 32))
    """
    if name not in networks:
        raise unknown("network", name, networks)
    return networks[name](channels)


# What `network` chooses from: each takes the number of channels, and its docstring says in a line what it is.
networks: dict[str, Callable[[int], Layer]] = {
    "net1": report.net1,
    "net2": report.net2,
    "net3": report.net3,
    "net4": report.net4,
    "net1-transposed": report.net1_transposed,
    "net2-transposed": report.net2_transposed,
    "net3-transposed": report.net3_transposed,
    "net4-transposed": report.net4_transposed,
    "stride1": stride1,
    "stride1-transposed": stride1_transposed,
    "guided": guided,
    "residual": residual,
    "residual-unet": residual_unet,
    "unet": unet,
    "unet-small": small_unet,
}

# The networks that work on each square of this side by itself.
TILES = {"net3": report.TILE, "net3-transposed": report.TILE}

# These may be told the deviation of the noise.
GUIDED = {"guided"}
