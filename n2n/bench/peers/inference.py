"""One picture denoised: by tape as `n2n denoise` does it, in tiles, and by torch's modules, which take it whole."""

from functools import partial

import torch
from torch import Tensor

from n2n.bench.peers.contender import wait_for
from n2n.bench.peers.torch_modules import module
from n2n.bench.problem import Problem
from n2n.denoising import Trained, denoise
from n2n.networks import network

__all__ = ["InTiles", "Whole", "whole_channels_last"]


class InTiles:
    """A denoiser: `n2n.denoising.denoise`, on all of torch's threads."""

    def __init__(self, problem: Problem) -> None:
        self._trained = Trained(network(problem.network), problem.params, problem.noisy.shape[1])
        self._device = problem.device
        self.feed(problem.noisy, problem.target)

    def feed(self, noisy: Tensor, target: Tensor) -> None:
        self._picture = noisy[0]

    def step(self) -> None:
        self._result = denoise(self._trained, self._picture)

    def wait(self) -> None:
        wait_for(self._device)

    def result(self) -> Tensor:
        return self._result


class Whole:
    """A denoiser: torch eager, its picture laid out as its kernels like it before the clock starts."""

    def __init__(self, problem: Problem, memory_format: torch.memory_format = torch.contiguous_format) -> None:
        self._module = module(problem, memory_format)
        self._device, self._format = problem.device, memory_format
        self.feed(problem.noisy, problem.target)

    def feed(self, noisy: Tensor, target: Tensor) -> None:
        self._picture = noisy[:1].contiguous(memory_format=self._format)

    def step(self) -> None:
        with torch.no_grad():
            self._result: Tensor = self._module(self._picture).clamp_(0, 1)

    def wait(self) -> None:
        wait_for(self._device)

    def result(self) -> Tensor:
        return self._result[0]


whole_channels_last = partial(Whole, memory_format=torch.channels_last)
