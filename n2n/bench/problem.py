"""What a training step is given: parameters, a batch, a device. Every contender gets the same."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from n2n.networks import network
from tape import tree

__all__ = ["BETAS", "EPS", "LR", "Problem", "problem"]

LR, BETAS, EPS = 1e-3, (0.9, 0.999), 1e-8  # of everybody's Adam


@dataclass(frozen=True)
class Problem:
    """A network's first training step. `noisy` and `target` are (batch, 3, side, side)."""

    network: str
    params: Any
    noisy: Tensor
    target: Tensor

    @property
    def device(self) -> torch.device:
        return self.noisy.device


def problem(name: str, side: int, batch: int, seed: int, device: torch.device) -> Problem:
    """The problem of a network's name, drawn from a seed.

    >>> problem("net4", 32, 2, 0, torch.device("cpu")).noisy.shape
    torch.Size([2, 3, 32, 32])
    """
    params, _ = network(name).init(Generator().manual_seed(seed), (3, side, side))
    noisy, target = torch.rand(2, batch, 3, side, side, generator=Generator().manual_seed(seed + 1)).to(device)
    # Two tensors of their own: a view would keep the other half alive where a contender copies.
    return Problem(name, tree.map(lambda leaf: leaf.to(device), params), noisy.clone(), target.clone())
