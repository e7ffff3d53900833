"""Images made of smaller ones: pixels that take turns, pixels repeated."""

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.registry import op

few = {"a": (1, 2), "b": (1, 2)}


@op(
    (
        case(real("2 3 a b 2 2"), size=((4, 6), (3, 4)), sizes=few),
        case(real("1 2 a b 3 2"), size=((3, 4), (2, 3)), sizes=few),
    )
)
def interleave(x: Tensor, *, size: tuple[int, int]) -> Tensor:
    """(rows apart, columns apart, C, N, H, W) to (C, N, height, width): the pixels of all phases in turn.

    The first `size` rows and columns of them. Written phase by phase, whose rows are longer runs than a pixel's turns.
    """
    down, across, *rest, _, _ = x.shape
    whole = x.new_empty((*rest, *size))
    for i in range(down):
        for j in range(across):
            place = whole[..., i::down, j::across]
            place.copy_(x[i, j, ..., : place.shape[-2], : place.shape[-1]])
    return whole


@op(
    (
        case(real("a b 4 6"), phases=((2, 3),), size=((2, 2), (2, 3)), sizes=few),
        case(real("1 a b 3 4"), phases=((2, 2), (1, 2)), size=((3, 2),), sizes=few),
    )
)
def separate(x: Tensor, *, phases: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The transpose of `interleave`, for phases of a size; zeros where an image has none of their pixels."""
    down, across = phases
    apart = x.new_zeros((down, across, *x.shape[:-2], *size))
    for i in range(down):
        for j in range(across):
            pixels = x[..., i::down, j::across]
            apart[i, j, ..., : pixels.shape[-2], : pixels.shape[-1]] = pixels
    return apart


@op(case(real("n 2 3 c"), scale=((2, 3), (1, 2)), sizes={"n": (1, 2), "c": (1, 2)}))
def repeat_pixels(x: Tensor, *, scale: tuple[int, int]) -> Tensor:
    """(N, H, W, C) to (N, H down, W across, C), each pixel repeated down and across."""
    n, height, width, channels = x.shape
    pixels = x.reshape(n, height, 1, width, 1, channels).expand(n, height, scale[0], width, scale[1], channels)
    return pixels.reshape(n, height * scale[0], width * scale[1], channels)


@op(case(real("n 4 6 c"), scale=((2, 3), (1, 2)), sizes={"n": (1, 2), "c": (1, 2)}))
def sum_pixels(x: Tensor, *, scale: tuple[int, int]) -> Tensor:
    """The transpose of `repeat_pixels`. Torch's sum over two inner dimensions takes ten times as long."""
    total = x[:, :: scale[0], :: scale[1]].clone(memory_format=torch.contiguous_format)
    for i in range(scale[0]):
        for j in range(scale[1]):
            if i or j:
                total += x[:, i :: scale[0], j :: scale[1]]
    return total


repeat_pixels.defvjp(x=lambda g, scale: sum_pixels(g, scale=scale))
repeat_pixels.keep_recipe()
sum_pixels.defvjp(x=lambda g, scale: repeat_pixels(g, scale=scale))
interleave.defvjp(x=lambda g, x_like: separate(g, phases=tuple(x_like.shape[:2]), size=tuple(x_like.shape[-2:])))
separate.defvjp(x=lambda g, x_like: interleave(g, size=tuple(x_like.shape[-2:])))
