"""Adam, with weight decay in the gradient or, as AdamW, beside it."""

from typing import Any, NamedTuple

import torch

from optim.boundary import aligned, expect_state, fraction, nonnegative, remembered
from optim.decay import masked
from optim.optimizer import Optimizer
from optim.precision import narrowed, wide, widened
from optim.scalars import Scalar, count, over, plus, precise, times
from optim.schedules import Schedule, scheduled
from tape import tree
from tape.ops.roots import root

__all__ = ["AdamState", "adam", "adamw"]


class AdamState(NamedTuple):
    """What `adam` and `adamw` remember: the updates so far, and two running means for each parameter.

    `step` is 0-d, int64 and on the CPU; `exp_avg`, of the gradients, and `exp_avg_sq`, of their squares, are pytrees
    like the parameters, in float32 for those in half precision. The names are PyTorch's.

    >>> adam(1e-3).init({"w": torch.tensor([1.0])})
    AdamState(step=tensor(0), exp_avg={'w': tensor([0.])}, exp_avg_sq={'w': tensor([0.])})
    """

    step: torch.Tensor
    exp_avg: Any
    exp_avg_sq: Any


def adam(
    lr: Scalar | Schedule,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    mask: Any = None,
) -> Optimizer:
    """Adam as published, in the form of `torch.optim.Adam`.

    With `g = grad + weight_decay·param`, `m` and `v` are running means of `g` and `g²` with the factors
    `betas`, begun at zero; `m̂` and `v̂` are the same divided by `1 - betaⁿ` at the n-th update, which undoes
    that beginning. The update is `-lr·m̂ / (√v̂ + eps)`.

    `lr` is a number, a 0-d tensor or a schedule. All numbers are finite and not negative, and `betas` are below 1: a
    ValueError otherwise, and a TypeError for what is no number. `mask`, a pytree of truth values in the structure of
    the parameters, says which of them decay: all if it is None, and all of a part of them where it has one truth
    value for the whole part.

    `m` and `v` have the shapes and dtypes of the parameters. Those of half-precision parameters are float32, where
    torch's are not: there `g²` vanishes or overflows. An update can be differentiated too; where `v` is 0 its root has
    the derivative 0.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.

    >>> optimizer = adam(1e-3)
    >>> params = {"w": torch.tensor([1.0, 1.0])}
    >>> updates, state = optimizer.update({"w": torch.tensor([2.0, -5.0])}, optimizer.init(params), params)
    >>> updates
    {'w': tensor([-0.0010,  0.0010])}
    >>> state.step
    tensor(1)
    """
    return _adam(lr, betas, eps, mask, joined=nonnegative("weight_decay", weight_decay))


def adamw(
    lr: Scalar | Schedule,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    mask: Any = None,
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
    return _adam(lr, betas, eps, mask, beside=nonnegative("weight_decay", weight_decay))


def _adam(
    lr: Scalar | Schedule, betas: Any, eps: float, mask: Any, joined: float = 0.0, beside: float = 0.0
) -> Optimizer:
    """With a weight decay that joins the gradient, or one that stands beside it."""
    rate = scheduled(lr)
    beta1, beta2 = _pair(betas)
    eps = nonnegative("eps", eps)
    decays = masked(mask)

    def init(params: Any) -> AdamState:
        (params,) = aligned(params)
        return AdamState(
            step=torch.zeros((), dtype=torch.int64, device="cpu"),
            exp_avg=tree.map(lambda p: torch.zeros_like(p, dtype=wide(p.dtype)), params),
            exp_avg_sq=tree.map(lambda p: torch.zeros_like(p, dtype=wide(p.dtype)), params),
        )

    def update(grads: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        expect_state(state, AdamState)
        params, grads = aligned(params, grads=grads)
        exp_avg, exp_avg_sq = remembered(params, exp_avg=state.exp_avg, exp_avg_sq=state.exp_avg_sq)
        grads = tree.map(widened, grads)
        if joined:
            grads = tree.map(lambda g, p, on: plus(g, joined, widened(p)) if on else g, grads, params, decays(params))
        exp_avg = tree.map(lambda m, g: torch.lerp(m, g, 1 - beta1), exp_avg, grads)
        exp_avg_sq = tree.map(lambda v, g: torch.addcmul(beta2 * v, g, g, value=1 - beta2), exp_avg_sq, grads)
        # The corrections of both means are numbers of the step: they cost no pass over the tensors.
        step = count(state.step)
        nth = precise(step) + 1
        now = rate(step)
        step_size, correction = now / (1 - beta1**nth), (1 - beta2**nth) ** 0.5
        updates = tree.map(lambda m, v: times(-step_size, m) / (over(root(v), correction) + eps), exp_avg, exp_avg_sq)
        if beside:
            decay = -(now * beside)
            updates = tree.map(
                lambda u, p, on: plus(u, decay, widened(p)) if on else u, updates, params, decays(params)
            )
        updates = tree.map(narrowed, updates, params)
        return updates, AdamState(state.step + 1, exp_avg, exp_avg_sq)

    return Optimizer(init, update)


def _pair(betas: Any) -> tuple[float, float]:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"betas must be a pair of numbers, got {betas!r}")
    return fraction("betas[0]", betas[0]), fraction("betas[1]", betas[1])
