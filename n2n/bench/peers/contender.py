"""What a contender is, for the clock and for the tests that show that all do the same work."""

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Contender", "Denoiser", "Fed", "Trainer", "wait_for"]


class Contender(Protocol):
    """Does one piece of work, again and again."""

    def step(self) -> None:
        """Does the work once. It may still be under way on the device."""

    def wait(self) -> None:
        """Returns once the work is done."""


class Fed(Contender, Protocol):
    """Its work is on images."""

    def feed(self, noisy: Tensor, target: Tensor) -> None:
        """Gives the batch that the next steps are taken on."""


class Trainer(Fed, Protocol):
    """Its work is one whole training step: loss, gradients, Adam. Each goes on from the last."""

    def loss(self) -> float:
        """Of the last step, before its update."""

    def gradients(self) -> list[Tensor]:
        """Of the first step, read off Adam's running mean: what the timed step itself computed."""

    def parameters(self) -> list[Tensor]:
        """In the order of the leaves of the problem's parameters, and in their shapes."""


class Denoiser(Fed, Protocol):
    """Its work is one picture, the first of the noisy ones, denoised."""

    def result(self) -> Tensor:
        """The picture (3, H, W) of the last step, in [0, 1]."""


def wait_for(device: torch.device) -> None:
    """Returns once a device has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
