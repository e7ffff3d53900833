"""Pictures to make noisy, and what is measured of noise."""

import torch
from torch import Tensor

from tests.n2n.samples import generator


def pictures(count: int, height: int, width: int, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.rand(count, channels, height, width, generator=generator(seed))


def correlation(x: Tensor, y: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1])
