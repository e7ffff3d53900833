"""Learning rates as functions of the step.

A schedule maps the number of updates made so far, 0 at the first, to the learning rate of the next one. This
is how `torch.optim.lr_scheduler` counts where `scheduler.step()` is called after every update: at step n a
schedule here has the value that torch's scheduler has set after n of its own steps. A schedule keeps no
state, so a run that is resumed at a step has the rates of one that was never interrupted.

A step that cannot be read as a number, as under `torch.func.vmap` over an update, comes as a 0-d integer tensor, and
the rate that depends on it is a 0-d tensor in float64.

Rates and factors are finite and not negative, and numbers of steps are positive integers: a ValueError otherwise, and
a TypeError for what is no number, or no integer where one is due.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import torch

from optim.boundary import nonnegative, positive_integer
from optim.scalars import Scalar, is_scalar, is_tensor, precise

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "linear_ramp_down",
    "multi_step_decay",
    "scheduled",
    "smooth_ramp_down",
    "step_decay",
    "warmup",
]

# The learning rate of an update, given how many came before it: `lambda step: 0.1 / (1 + step)` is one.
# The count is an int, and a 0-d tensor where it cannot be read; so may the rate be a 0-d tensor.
Schedule: TypeAlias = Callable[[Any], Scalar]


def constant(lr: float) -> Schedule:
    """`lr` at every step. It is finite and not negative, a ValueError otherwise.

    >>> constant(0.1)(1000)
    0.1
    """
    lr = nonnegative("lr", lr)
    return lambda step: lr


def step_decay(lr: float, step_size: int, gamma: float = 0.1) -> Schedule:
    """`lr`, multiplied by `gamma` every `step_size` steps: torch's `StepLR`.

    `lr` and `gamma` are finite and not negative, `step_size` is positive: a ValueError otherwise, and a TypeError for
    a `step_size` that is no integer.

    >>> rate = step_decay(1.0, step_size=10, gamma=0.5)
    >>> [rate(step) for step in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """
    lr, gamma = nonnegative("lr", lr), nonnegative("gamma", gamma)
    step_size = positive_integer("step_size", step_size)
    return lambda step: lr * _power(gamma, step // step_size)


def multi_step_decay(lr: float, milestones: Iterable[int], gamma: float = 0.1) -> Schedule:
    """`lr`, multiplied by `gamma` at each of the steps `milestones`, in any order: torch's `MultiStepLR`.

    Errors are those of `step_decay`, for each milestone as for its `step_size`.

    >>> rate = multi_step_decay(1.0, milestones=[10, 15], gamma=0.5)
    >>> [rate(step) for step in (9, 10, 14, 15, 100)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    lr, gamma = nonnegative("lr", lr), nonnegative("gamma", gamma)
    passed = sorted(positive_integer("a milestone", milestone) for milestone in milestones)

    def rate(step: Any) -> Scalar:
        count = sum((step >= m for m in passed), 0 * step) if is_tensor(step) else bisect_right(passed, step)
        return lr * _power(gamma, count)

    return rate


def cosine(lr: float, T_max: int, eta_min: float = 0.0) -> Schedule:
    """From `lr` at step 0 to `eta_min` at step `T_max` along half a cosine: torch's `CosineAnnealingLR`.

    As there, the cosine goes on: past `T_max` the rate rises again, and is back at `lr` at `2·T_max`. Errors
    are those of `step_decay`.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    >>> rate = cosine(1.0, T_max=10)
    >>> [round(rate(step), 3) for step in (0, 1, 5, 9, 10)]
    [1.0, 0.976, 0.5, 0.024, 0.0]
    """
    lr, eta_min = nonnegative("lr", lr), nonnegative("eta_min", eta_min)
    T_max = positive_integer("T_max", T_max)
    # The turns that are over are taken off first: of a huge step a float keeps no part of a turn.
    return lambda step: eta_min + (lr - eta_min) * (1 + _cosine(math.pi * precise(step % (2 * T_max)) / T_max)) / 2


def linear_ramp_down(lr: float, total_iters: int, ramp_iters: int) -> Schedule:
    """`lr`, but along a straight line to zero over the last `ramp_iters` of `total_iters` steps.

    The line leaves `lr` at step `total_iters - ramp_iters` and reaches zero at step `total_iters`, one past
    the last update, so that no update of the run is without effect; then it stays zero.

    Errors are those of `step_decay`, and a ValueError for a ramp that is longer than the whole.

    >>> rate = linear_ramp_down(1.0, total_iters=10, ramp_iters=4)
    >>> [rate(step) for step in (0, 6, 7, 8, 9, 10, 11)]
    [1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """
    lr = nonnegative("lr", lr)
    left = _ramp(total_iters, ramp_iters)
    return lambda step: lr * left(step)


def smooth_ramp_down(lr: float, total_iters: int, ramp_iters: int) -> Schedule:
    """`lr`, but smoothly to zero over the last `ramp_iters` of `total_iters` steps: Noise2Noise's schedule.

    A fraction `t` into the ramp the rate is `lr·((1 + cos πt) / 2)²`; after it, zero. Errors are those of
    `linear_ramp_down`.

    Source: Lehtinen et al., "Noise2Noise: learning image restoration without clean data", 2018, as in the
    authors' published training program.

    >>> rate = smooth_ramp_down(1.0, total_iters=10, ramp_iters=4)
    >>> [round(rate(step), 3) for step in (0, 6, 7, 8, 9, 10, 11)]
    [1.0, 1.0, 0.729, 0.25, 0.021, 0.0, 0.0]
    """
    lr = nonnegative("lr", lr)
    left = _ramp(total_iters, ramp_iters)
    return lambda step: lr * ((1 - _cosine(math.pi * left(step))) / 2) ** 2


def warmup(schedule: float | Schedule, total_iters: int, start_factor: float = 1 / 3) -> Schedule:
    """A straight line of `total_iters` steps up to the beginning of `schedule`, which then runs from its 0.

    The line starts at `start_factor·schedule(0)`, with `start_factor` from 0 to 1, a ValueError otherwise. This is
    torch's `SequentialLR` of a `LinearLR` and another scheduler, with the milestone at `total_iters`.

    >>> rate = warmup(step_decay(1.0, step_size=10), total_iters=4, start_factor=0.0)
    >>> [rate(step) for step in (0, 1, 2, 3, 4, 13, 14)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 0.1]
    """
    target = scheduled(schedule)
    total_iters = positive_integer("total_iters", total_iters)
    start_factor = nonnegative("start_factor", start_factor)
    if start_factor > 1:
        raise ValueError(f"start_factor must be from 0 to 1, got {start_factor}")

    def line(step: Any) -> Scalar:
        return target(0) * (start_factor + (1 - start_factor) * step / total_iters)

    def rate(step: Any) -> Scalar:
        if not is_tensor(step):
            return target(step - total_iters) if step >= total_iters else line(step)
        after = target(torch.clamp(step - total_iters, min=0))
        return torch.where(step >= total_iters, after, line(precise(step)))

    return rate


def scheduled(lr: Scalar | Schedule) -> Schedule:
    """`lr` as a schedule, with each of its rates checked that is a number: what an optimizer makes of its argument.

    A 0-d tensor is taken as it is, in float64: under a transformation nobody can ask for its value.
    """
    if is_scalar(lr):
        plain: Any = lr.detach() if isinstance(lr, torch.Tensor) and lr.requires_grad else lr
        exact = plain.double()
        return lambda step: exact
    if not callable(lr):
        return constant(lr)

    def checked(step: Any) -> Scalar:
        rate = lr(step)
        if is_scalar(rate):
            return rate.double()
        place = "" if is_tensor(step) else f" at step {step}"
        return nonnegative(f"the learning rate that the schedule gives{place}", rate)

    return checked


def _power(base: float, exponent: Any) -> Scalar:
    try:  # a number too large for Python is refused as an infinite rate, by its step
        return base ** precise(exponent)
    except OverflowError:
        return math.inf


def _cosine(x: Scalar) -> Scalar:
    return torch.cos(x) if is_scalar(x) else math.cos(x)


def _ramp(total_iters: int, ramp_iters: int) -> Schedule:
    """The part of the ramp that is still ahead: 1 before it, 0 after it."""
    total_iters = positive_integer("total_iters", total_iters)
    ramp_iters = positive_integer("ramp_iters", ramp_iters)
    if ramp_iters > total_iters:
        raise ValueError(f"ramp_iters must not be larger than total_iters, got {ramp_iters=} and {total_iters=}")

    def left(step: Any) -> Scalar:
        if not is_tensor(step):
            return min(1.0, max(0.0, (total_iters - step) / ramp_iters))
        return torch.clamp(precise(total_iters - step) / ramp_iters, 0.0, 1.0)

    return left
