"""Denoising pictures of any size: in overlapping tiles, blended so that no seam shows.

Beside the picture and the result, memory holds a tile or two.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise, product
from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from n2n.classical.noise_level import noise_deviation
from n2n.networks import GUIDED, TILES
from n2n.networks.compiled import compiled
from n2n.networks.guided import with_level
from n2n.training.checkpoint import Checkpoint
from nn import Layer, Params
from tape import tree

__all__ = ["TILE", "Span", "Tile", "Track", "Trained", "denoise", "spans"]

TILE = 256  # the fastest side where the network says nothing
MANY = 8  # tiles of a picture for which the network is compiled: to note it takes as long as one or two
UNIT = 32  # tiles begin at multiples of it, where the deepest network's coarsest pixels do, and have such sides


class Trained(NamedTuple):
    """A network with its parameters, the channels that it takes, and the side of the tiles that it works on.

    `guided` says that it may be told the noise's deviation, as `n2n.networks.guided.guided`.
    """

    network: Layer
    params: Params
    channels: int
    tile: int = TILE
    guided: bool = False

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "Trained":
        settings, channels = checkpoint.settings, checkpoint.shape[0]
        tile = TILES.get(settings.network, TILE)
        return cls(
            settings.layer(channels), checkpoint.state.trained, channels, tile, guided=settings.network in GUIDED
        )


class Span(NamedTuple):
    """One tile along one dimension: where it begins, and how much each of its pixels counts, (size,)."""

    start: int
    weights: Tensor


Tile = tuple[Span, Span]
Worked = tuple[Tile, Tensor]
Track = Callable[[Sequence[Tile]], Iterable[Tile]]  # wraps the tiles to be worked on, as `rich.progress.track` does


def denoise(
    trained: Trained, image: Tensor, orientations: int = 1, sigma: float | None = None, track: Track = iter
) -> Tensor:
    """Denoises one picture (C, H, W) in [0, 1], of any size; the result is its like, on the CPU.

    Where the picture and the network differ in channels, a grey picture is denoised as colour and its channels
    are averaged again, and a coloured one channel by channel. On eight tiles or more the network runs compiled, as
    `tape.compile` says: it must be the same operations whatever numbers a tile has.

    Args:
        orientations: 1, or 8 to average the results for the picture's eight flips and rotations.
        sigma: the deviation of the noise, where white is 1, for a guided network; estimated if None.
        track: what the tiles go through on their way, to show progress.

    Raises ValueError for other orientations, a negative sigma, or one for a network that cannot be told.
    """
    if orientations not in (1, 8):
        raise ValueError(f"orientations are 1 or 8, not {orientations}")
    if sigma is not None and (not trained.guided or sigma < 0):
        raise ValueError(f"sigma is {sigma}: it is at least 0, and for a guided network")
    _, height, width = image.shape
    rows, columns = (spans(size, trained.tile) for size in (height, width))
    tiles = list(product(rows, columns))
    total = torch.zeros(image.shape)
    with _network(trained.network, tiles) as network:
        clean = _function(network, trained, image, sigma)
        if orientations == 8:
            clean = _averaged(clean)

        def worked(tile: Tile) -> Worked:
            (top, down), (left, across) = tile
            piece = _mirrored(image, (top, len(down)), (left, len(across)))
            return tile, clean(piece[None])[0].cpu() * down[:, None] * across

        for ((top, _), (left, _)), piece in _in_threads(worked, track(tiles)):
            place = total[:, top : top + piece.shape[1], left : left + piece.shape[2]]
            place += piece[:, : place.shape[1], : place.shape[2]]
    return total.clamp_(0, 1)


def spans(size: int, tile: int) -> list[Span]:
    """Cuts `size` pixels into tiles of one length that overlap. At each pixel their weights add up to 1.

    They have at most `tile` pixels, of which a quarter lies in the next one too. Every tile begins at a multiple of 32
    pixels, and is as long as one, if `tile` is a multiple of 128; the last one may reach beyond the picture. The
    outermost pixels of an overlap, which know the least of what is around them, do not count.

    >>> [(span.start, len(span.weights)) for span in spans(300, 128)]
    [(0, 128), (96, 128), (192, 128)]
    """
    overlap = tile // 4
    count = max(1, -(-(size - overlap) // (tile - overlap)))
    unit = min(UNIT, tile)
    length = -(-(size + (count - 1) * overlap) // (count * unit)) * unit
    starts = [number * (length - overlap) for number in range(count)]
    weights = [torch.ones(length) for _ in starts]
    distance = (torch.arange(overlap) + 0.5) / overlap
    rising = ((distance - 0.25) * 2).clamp(0, 1)
    for before, after in pairwise(weights):
        before[-overlap:] = 1 - rising
        after[:overlap] = rising
    return [Span(start, each) for start, each in zip(starts, weights, strict=True)]


Apply = Callable[[Params, Tensor], Tensor]
Function = Callable[[Tensor], Tensor]


@contextmanager
def _network(network: Layer, tiles: Sequence[Tile]) -> Iterator[Apply]:
    """The network's function, compiled if there is enough to do for it."""
    if len(tiles) < MANY:
        yield network.apply
        return
    (_, down), (_, across) = tiles[0]
    with compiled(network, len(down), len(across)) as apply:
        yield apply


def _function(network: Apply, trained: Trained, image: Tensor, sigma: float | None) -> Function:
    """What denoises images (1, C, H, W), pieces of the picture, on the network's device."""
    device = tree.leaves(trained.params)[0].device
    channels = image.shape[0]
    grey_as_colour = channels == 1 < trained.channels
    deviation = None
    if trained.guided:
        deviation = noise_deviation(image[None]) if sigma is None else torch.tensor([sigma])
        # Noise that is the same in all channels is as strong as independent noise whose mean over channels it is.
        deviation = (deviation * sqrt(trained.channels) if grey_as_colour else deviation).to(device, torch.float32)

    def output(pieces: Tensor) -> Tensor:
        if deviation is not None:
            pieces = with_level(pieces, deviation.expand(len(pieces)))
        return network(trained.params, pieces)

    def apply(pieces: Tensor) -> Tensor:
        pieces = pieces.to(device)
        if channels == trained.channels:
            return output(pieces)
        if grey_as_colour:
            return output(pieces.expand(-1, trained.channels, -1, -1)).mean(1, keepdim=True)
        return output(pieces.transpose(0, 1)).transpose(0, 1)

    return apply


def _averaged(function: Function) -> Function:
    """The mean over what a function makes of the eight flips and rotations of square or other images."""

    def apply(pieces: Tensor) -> Tensor:
        total = torch.zeros_like(pieces)
        for turns, flipped in product(range(4), (False, True)):
            turned = pieces.rot90(turns, (2, 3))
            out = function(turned.flip(3) if flipped else turned).to(total)
            total += (out.flip(3) if flipped else out).rot90(-turns, (2, 3))
        return total / 8

    return apply


def _in_threads(worked: Callable[[Tile], Worked], tiles: Iterable[Tile]) -> Iterator[Worked]:
    """The results in the tiles' order, worked out on as many threads as torch has, few of them ahead of their turn."""
    threads = torch.get_num_threads()
    # Each tile on one thread: half of a network's operations are too small to be shared by two.
    with ThreadPoolExecutor(threads, "denoise", torch.set_num_threads, (1,)) as pool:
        waiting: deque[Future[Worked]] = deque()
        for tile in tiles:
            waiting.append(pool.submit(worked, tile))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _mirrored(image: Tensor, *places: tuple[int, int]) -> Tensor:
    """A piece of the picture, continued by its mirror image at the bottom and on the right."""
    for dim, (start, length) in enumerate(places, 1):
        here = image.shape[dim]
        if start + length <= here:
            image = image.narrow(dim, start, length)
        else:
            there = torch.arange(start, start + length) % (2 * here)
            image = image.index_select(dim, torch.minimum(there, 2 * here - 1 - there))
    return image
