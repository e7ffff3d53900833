"""The same numbers, laid out in memory in other ways."""

import torch
from torch import Tensor

__all__ = ["LAYOUTS", "laid_out"]

_CONTIGUOUS = torch.contiguous_format

LAYOUTS = ("contiguous", "transposed", "sliced", "offset", "expanded")


def laid_out(x: Tensor, layout: str) -> Tensor:
    """`x` in another layout, sharing memory with nothing.

    "transposed" has its dimensions in memory in reverse order, "sliced" every second place of a wider tensor,
    "offset" begins in the middle of its memory. "expanded" repeats the first entry of the last dimension, so
    it has other numbers than `x`, and a stride of 0.

    >>> import torch
    >>> laid_out(torch.eye(3), "transposed").stride(), laid_out(torch.eye(3), "sliced").stride()
    ((1, 3), (7, 2))
    """
    if layout == "transposed":
        order = tuple(reversed(range(x.ndim)))
        return x.permute(order).clone(memory_format=_CONTIGUOUS).permute(order)
    if layout == "sliced" and x.ndim:
        places = x.new_full((*x.shape[:-1], 2 * x.shape[-1] + 1), 7)[..., 1::2]
        places.copy_(x)
        return places
    if layout in ("sliced", "offset"):
        memory = x.new_full((x.numel() + 3,), 7)
        memory[3:] = x.reshape(-1)
        return memory[3:].view(x.shape)
    if layout == "expanded":
        return x[..., :1].clone().expand(x.shape) if x.ndim else x.clone()
    if layout != "contiguous":
        raise ValueError(f"a layout is one of {', '.join(LAYOUTS)}; not {layout!r}")
    return x.clone(memory_format=_CONTIGUOUS)
