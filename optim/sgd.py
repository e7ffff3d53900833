"""Stochastic gradient descent, plain or with momentum."""

from typing import Any, NamedTuple

import torch

from optim.boundary import aligned, expect_state, nonnegative, remembered
from optim.decay import masked
from optim.optimizer import Optimizer
from optim.precision import narrowed, wide, widened
from optim.scalars import Scalar, count, plus, precise, times
from optim.schedules import Schedule, scheduled
from tape import tree

__all__ = ["PlainSGDState", "SGDState", "sgd"]


class SGDState(NamedTuple):
    """What `sgd` with momentum remembers: the updates so far, and each parameter's velocity.

    `step` is 0-d, int64 and on the CPU; `momentum_buffer`, so called as in PyTorch, is a pytree like the parameters, in
    float32 for those in half precision.

    >>> sgd(0.1, momentum=0.9).init({"w": torch.tensor([1.0])})
    SGDState(step=tensor(0), momentum_buffer={'w': tensor([0.])})
    """

    step: torch.Tensor
    momentum_buffer: Any


class PlainSGDState(NamedTuple):
    """What `sgd` without momentum remembers: the updates so far. There is no velocity: `momentum_buffer` is None.

    It is no entry of the state, because `torch.func.vmap` takes None for an entry, and refuses it.

    >>> sgd(0.1).init({"w": torch.tensor([1.0])})
    PlainSGDState(step=tensor(0))
    """

    step: torch.Tensor

    @property
    def momentum_buffer(self) -> None:
        """None.

        >>> sgd(0.1).init({}).momentum_buffer is None
        True
        """
        return None


def sgd(
    lr: Scalar | Schedule,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    mask: Any = None,
) -> Optimizer:
    """Gradient descent with heavy-ball or Nesterov momentum, in the form of `torch.optim.SGD`.

    With `g = grad + weight_decay·param`, the velocity `b` is `g` at first and then
    `momentum·b + (1 - dampening)·g`; the update is `-lr·b`, or `-lr·(g + momentum·b)` for Nesterov's, or
    `-lr·g` without momentum. The velocity does not contain `lr`.

    `lr` is a number, a 0-d tensor or a schedule; `mask` says which parameters decay, as in `adam`. All numbers are
    finite and not negative, and Nesterov momentum needs `momentum` and no `dampening`: a ValueError otherwise, and a
    TypeError for what is no number.

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
    weight_decay, decays = nonnegative("weight_decay", weight_decay), masked(mask)
    if nesterov and (momentum == 0 or dampening != 0):
        raise ValueError(f"Nesterov momentum needs a positive momentum and no dampening, got {momentum=}, {dampening=}")

    def init(params: Any) -> SGDState | PlainSGDState:
        (params,) = aligned(params)
        step = torch.zeros((), dtype=torch.int64, device="cpu")
        if not momentum:
            return PlainSGDState(step)
        return SGDState(step, tree.map(lambda p: torch.zeros_like(p, dtype=wide(p.dtype)), params))

    def update(grads: Any, state: SGDState | PlainSGDState, params: Any) -> tuple[Any, SGDState | PlainSGDState]:
        expect_state(state, SGDState, PlainSGDState)
        params, grads = aligned(params, grads=grads)
        step = count(state.step)
        grads = tree.map(widened, grads)
        if weight_decay:
            grads = tree.map(
                lambda g, p, on: plus(g, weight_decay, widened(p)) if on else g, grads, params, decays(params)
            )
        direction, velocity = grads, None
        if momentum:
            (velocity,) = remembered(params, momentum_buffer=state.momentum_buffer)
            # Dampened is what joins a velocity, not what founds it.
            share = 1.0 - dampening * precise(step > 0) if dampening else 1.0
            velocity = tree.map(lambda b, g: plus(momentum * b, share, g), velocity, grads)
            direction = velocity
        if nesterov:
            direction = tree.map(lambda g, b: torch.add(g, b, alpha=momentum), grads, velocity)
        step_size = rate(step)
        updates = tree.map(lambda d, p: narrowed(times(-step_size, d), p), direction, params)
        count_after = state.step + 1
        return updates, SGDState(count_after, velocity) if momentum else PlainSGDState(count_after)

    return Optimizer(init, update)
