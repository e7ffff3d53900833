"""Adam, with weight decay in the gradient or, as AdamW, beside it."""

import math
from typing import Any, NamedTuple

import torch

from optim.boundary import aligned, expect_state, fraction, nonnegative
from optim.optimizer import Optimizer
from optim.schedules import Schedule, scheduled
from tape import tree

__all__ = ["AdamState", "adam", "adamw"]


class AdamState(NamedTuple):
    """What `adam` and `adamw` remember: the updates so far, and two running means for each parameter.

    `step` is 0-d, int64 and on the CPU; `exp_avg`, of the gradients, and `exp_avg_sq`, of their squares, are pytrees
    like the parameters. The names are PyTorch's.

    >>> adam(1e-3).init({"w": torch.tensor([1.0])})
    AdamState(step=tensor(0), exp_avg={'w': tensor([0.])}, exp_avg_sq={'w': tensor([0.])})
    """

    step: torch.Tensor
    exp_avg: Any
    exp_avg_sq: Any


def adam(
    lr: float | Schedule,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Adam as published, in the form of `torch.optim.Adam`.

    With `g = grad + weight_decay·param`, `m` and `v` are running means of `g` and `g²` with the factors
    `betas`, begun at zero; `m̂` and `v̂` are the same divided by `1 - betaⁿ` at the n-th update, which undoes
    that beginning. The update is `-lr·m̂ / (√v̂ + eps)`.

    `lr` is a number or a schedule. All numbers are finite and not negative, and `betas` are below 1: a
    ValueError otherwise, and a TypeError for what is no number. `m` and `v` have the shapes and dtypes of the
    parameters.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.

    >>> optimizer = adam(1e-3)
    >>> params = {"w": torch.tensor([1.0, 1.0])}
    >>> updates, state = optimizer.update({"w": torch.tensor([2.0, -5.0])}, optimizer.init(params), params)
    >>> updates
    {'w': tensor([-0.0010,  0.0010])}
    >>> state.step
    tensor(1)
    """
    rate = scheduled(lr)
    beta1, beta2 = _pair(betas)
    eps = nonnegative("eps", eps)
    weight_decay = nonnegative("weight_decay", weight_decay)

    def init(params: Any) -> AdamState:
        (params,) = aligned(params)
        return AdamState(
            step=torch.zeros((), dtype=torch.int64, device="cpu"),
            exp_avg=tree.map(torch.zeros_like, params),
            exp_avg_sq=tree.map(torch.zeros_like, params),
        )

    def update(grads: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        expect_state(state, AdamState)
        params, grads, exp_avg, exp_avg_sq = aligned(
            params, grads=grads, exp_avg=state.exp_avg, exp_avg_sq=state.exp_avg_sq
        )
        step = int(state.step)
        if weight_decay:
            grads = tree.map(lambda g, p: torch.add(g, p, alpha=weight_decay), grads, params)
        exp_avg = tree.map(lambda m, g: torch.lerp(m, g, 1 - beta1), exp_avg, grads)
        exp_avg_sq = tree.map(lambda v, g: torch.addcmul(beta2 * v, g, g, value=1 - beta2), exp_avg_sq, grads)
        # The corrections of both means are numbers of the step: they cost no pass over the tensors.
        step_size = rate(step) / (1 - beta1 ** (step + 1))
        correction = math.sqrt(1 - beta2 ** (step + 1))
        updates = tree.map(lambda m, v: (-step_size * m) / (torch.sqrt(v) / correction + eps), exp_avg, exp_avg_sq)
        return updates, AdamState(state.step + 1, exp_avg, exp_avg_sq)

    return Optimizer(init, update)


def adamw(
    lr: float | Schedule,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Optimizer:
    """Adam with decoupled weight decay, in the form of `torch.optim.AdamW`.

    The update is that of `adam` without weight decay, less `lr·weight_decay·param`: the decay follows the
    schedule of `lr`, and the running means do not see it. Arguments and errors are those of `adam`.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.

    >>> optimizer = adamw(0.1, weight_decay=0.5)
    >>> params = {"w": torch.tensor([2.0])}
    >>> optimizer.update({"w": torch.tensor([0.0])}, optimizer.init(params), params)[0]
    {'w': tensor([-0.1000])}
    """
    rate = scheduled(lr)
    weight_decay = nonnegative("weight_decay", weight_decay)
    undecayed = adam(rate, betas, eps)

    def update(grads: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        updates, next_state = undecayed.update(grads, state, params)
        params, updates = aligned(params, updates=updates)
        decay = rate(int(state.step)) * weight_decay
        return tree.map(lambda u, p: torch.add(u, p, alpha=-decay), updates, params), next_state

    return Optimizer(undecayed.init, update)


def _pair(betas: Any) -> tuple[float, float]:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"betas must be a pair of numbers, got {betas!r}")
    return fraction("betas[0]", betas[0]), fraction("betas[1]", betas[1])
