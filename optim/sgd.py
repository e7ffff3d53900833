"""Stochastic gradient descent, plain or with momentum."""

from typing import Any, NamedTuple

import torch

from optim.boundary import aligned, expect_state, nonnegative
from optim.optimizer import Optimizer
from optim.schedules import Schedule, scheduled
from tape import tree

__all__ = ["SGDState", "sgd"]


class SGDState(NamedTuple):
    """What `sgd` remembers: the updates so far, and each parameter's velocity (None without momentum).

    `step` is 0-d, int64 and on the CPU; `momentum_buffer`, so called as in PyTorch, is a pytree like the parameters.

    >>> sgd(0.1, momentum=0.9).init({"w": torch.tensor([1.0])})
    SGDState(step=tensor(0), momentum_buffer={'w': tensor([0.])})
    """

    step: torch.Tensor
    momentum_buffer: Any


def sgd(
    lr: float | Schedule,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Gradient descent with heavy-ball or Nesterov momentum, in the form of `torch.optim.SGD`.

    With `g = grad + weight_decay·param`, the velocity `b` is `g` at first and then
    `momentum·b + (1 - dampening)·g`; the update is `-lr·b`, or `-lr·(g + momentum·b)` for Nesterov's, or
    `-lr·g` without momentum. The velocity does not contain `lr`.

    `lr` is a number or a schedule. All numbers are finite and not negative, and Nesterov momentum needs
    `momentum` and no `dampening`: a ValueError otherwise, and a TypeError for what is no number.

    Sources: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever,
    Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", 2013.

    >>> optimizer = sgd(0.1, momentum=0.9)
    >>> params = {"w": torch.tensor([1.0])}
    >>> state = optimizer.init(params)
    >>> for _ in range(2):
    ...     updates, state = optimizer.update({"w": torch.tensor([1.0])}, state, params)
    >>> updates
    {'w': tensor([-0.1900])}
    """
    rate = scheduled(lr)
    momentum = nonnegative("momentum", momentum)
    dampening = nonnegative("dampening", dampening)
    weight_decay = nonnegative("weight_decay", weight_decay)
    if nesterov and (momentum == 0 or dampening != 0):
        raise ValueError(f"Nesterov momentum needs a positive momentum and no dampening, got {momentum=}, {dampening=}")

    def init(params: Any) -> SGDState:
        (params,) = aligned(params)
        buffer = tree.map(torch.zeros_like, params) if momentum else None
        return SGDState(torch.zeros((), dtype=torch.int64, device="cpu"), buffer)

    def update(grads: Any, state: SGDState, params: Any) -> tuple[Any, SGDState]:
        expect_state(state, SGDState)
        params, grads = aligned(params, grads=grads)
        step = int(state.step)
        if weight_decay:
            grads = tree.map(lambda g, p: torch.add(g, p, alpha=weight_decay), grads, params)
        direction, velocity = grads, None
        if momentum:
            _, velocity = aligned(params, momentum_buffer=state.momentum_buffer)
            # Dampened is what joins a velocity, not what founds it.
            share = 1.0 if step == 0 else 1.0 - dampening
            velocity = tree.map(lambda b, g: torch.add(momentum * b, g, alpha=share), velocity, grads)
            direction = velocity
        if nesterov:
            direction = tree.map(lambda g, b: torch.add(g, b, alpha=momentum), grads, velocity)
        step_size = rate(step)
        updates = tree.map(lambda d: -step_size * d, direction)
        return updates, SGDState(state.step + 1, velocity)

    return Optimizer(init, update)
