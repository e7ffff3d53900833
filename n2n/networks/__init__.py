"""The denoising networks, by name. Each is a `Layer` from images (C, H, W) to images of the same shape.

They take images of any size. The networks of `TILES` work on each square of this many pixels by itself, so an image
shows their seams unless whoever calls them blends squares that overlap.
"""

from n2n.networks.blur import gaussian_blur
from n2n.networks.catalogue import GUIDED, TILES, network, networks

__all__ = ["GUIDED", "TILES", "gaussian_blur", "network", "networks"]
