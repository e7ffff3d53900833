"""Denoising pictures of any size: in overlapping tiles, blended so that no seam shows."""

from typing import NamedTuple

import torch
from torch import Tensor

from n2n.checkpoint import Checkpoint
from n2n.networks import TILES
from nn import Layer, Params
from tape import tree

__all__ = ["Trained", "denoise"]


class Trained(NamedTuple):
    """A network with its parameters, the channels that it takes, and the side of the tiles that it works on."""

    network: Layer
    params: Params
    channels: int
    tile: int = 256

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "Trained":
        settings, channels = checkpoint.settings, checkpoint.shape[0]
        tile = TILES.get(settings.network, 256)
        return cls(settings.layer(channels), checkpoint.state.params, channels, tile)


def denoise(trained: Trained, image: Tensor, orientations: int = 1) -> Tensor:
    """Denoises one picture (C, H, W) in [0, 1], of any size; the result is its like, on the CPU.

    With 8 `orientations` it is the mean over all flips and rotations of the picture, turned back.

    Where the picture and the network differ in channels, a grey picture is denoised as colour and its channels
    are averaged again, and a coloured one channel by channel.
    """
    if orientations == 8:
        turned = ((flipped, turns) for flipped in (False, True) for turns in range(4))
        return torch.stack([_turned_back(trained, image, *each) for each in turned]).mean(0)
    channels = image.shape[0]
    if channels == trained.channels:
        return _tiled(trained, image)
    if channels == 1:
        return _tiled(trained, image.expand(trained.channels, -1, -1)).mean(0, keepdim=True)
    return torch.cat([denoise(trained, channel) for channel in image.split(1)])


def _turned_back(trained: Trained, image: Tensor, flipped: bool, turns: int) -> Tensor:
    turned = (image.flip(2) if flipped else image).rot90(turns, (1, 2))
    back = denoise(trained, turned).rot90(-turns, (1, 2))
    return back.flip(2) if flipped else back


def _tiled(trained: Trained, image: Tensor) -> Tensor:
    tile, overlap = trained.tile, trained.tile // 4
    device = tree.leaves(trained.params)[0].device
    _, height, width = image.shape
    padded = _mirrored(image, max(tile, height), max(tile, width))
    total, weights = torch.zeros(padded.shape), torch.zeros(padded.shape[1:])
    window = _window(tile, overlap)
    for top in _starts(height, tile, overlap):
        rows = slice(top, top + tile)
        for left in _starts(width, tile, overlap):
            columns = slice(left, left + tile)
            cleaned = trained.network.apply(trained.params, padded[None, :, rows, columns].to(device))[0]
            total[:, rows, columns] += cleaned.cpu() * window
            weights[rows, columns] += window
    return (total / weights)[:, :height, :width].clamp(0, 1)


def _starts(size: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin: evenly spread, overlapping by at least `overlap`, the last one ending at the edge."""
    if size <= tile:
        return [0]
    count = -(-(size - overlap) // (tile - overlap))
    return [round(i * (size - tile) / (count - 1)) for i in range(count)]


def _window(tile: int, overlap: int) -> Tensor:
    """The weight of each pixel of a tile: falling off towards its edges, nowhere zero."""
    distance = torch.arange(tile).minimum(torch.arange(tile).flip(0))
    ramp = ((distance + 1) / (overlap + 1)).clamp(max=1).square()
    return ramp[:, None] * ramp[None, :]


def _mirrored(image: Tensor, height: int, width: int) -> Tensor:
    """The picture continued by its mirror image at the bottom and on the right."""
    for dim, size in ((1, height), (2, width)):
        here = image.shape[dim]
        there = torch.arange(size) % (2 * here)
        image = image.index_select(dim, torch.minimum(there, 2 * here - 1 - there))
    return image
