"""The step that is measured against the peers: `n2n.training_step`."""

from torch import Tensor

import nn
import optim
from n2n.bench.peers.contender import wait_for
from n2n.bench.problem import BETAS, EPS, LR, Problem
from n2n.networks import network
from n2n.training.step import training_step
from tape import tree

__all__ = ["Ours"]


class Ours:
    """A trainer."""

    def __init__(self, problem: Problem) -> None:
        optimizer = optim.flat(optim.adam(LR, BETAS, EPS))
        self._step = training_step(network(problem.network), nn.mse_loss, optimizer)
        self._params, self._state = problem.params, optimizer.init(problem.params)
        self._device = problem.device
        self.feed(problem.noisy, problem.target)

    def feed(self, noisy: Tensor, target: Tensor) -> None:
        self._batch = noisy, target

    def step(self) -> None:
        self._params, self._state, self._loss = self._step(self._params, self._state, *self._batch)

    def wait(self) -> None:
        wait_for(self._device)

    def loss(self) -> float:
        return self._loss.item()

    def gradients(self) -> list[Tensor]:
        params = tree.leaves(self._params)
        (means,) = self._state.exp_avg
        parts = means.split([p.numel() for p in params])
        return [part.reshape(p.shape) / (1 - BETAS[0]) for part, p in zip(parts, params, strict=True)]

    def parameters(self) -> list[Tensor]:
        return list(tree.leaves(self._params))
