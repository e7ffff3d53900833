"""A moving average of the parameters: what to use a network with, where training goes on from the parameters."""

from typing import Any

import torch

from optim.boundary import aligned, fraction
from optim.scalars import Scalar, count, is_tensor, precise, times
from tape import tree

__all__ = ["moving_average"]


def moving_average(average: Any, params: Any, step: Scalar, decay: float) -> Any:
    """The exponential moving average of the parameters, taken one step further: new tensors like `params`.

    It begins as the parameters themselves. `step` counts the averages taken before, 0 at the first: an integer, or a
    0-d tensor. What is kept of the average is `min(decay, (1 + step) / (10 + step))`, so that the beginning is soon
    forgotten: nothing has to be divided by, and the average is a set of parameters at every step.

    `average` has the structure, shapes, dtypes and devices of `params`; a TypeError or ValueError names the leaf where
    it has not. `decay` is at least 0 and below 1, a ValueError otherwise.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the beginning is that
    of `tf.train.ExponentialMovingAverage`.

    >>> average = {"w": torch.tensor([0.0])}
    >>> for step in range(3):
    ...     average = moving_average(average, {"w": torch.tensor([1.0])}, step, decay=0.999)
    ...     print(round(average["w"].item(), 4))
    0.9
    0.9818
    0.9955
    """
    decay, now = fraction("decay", decay), precise(count(step))
    params, average = aligned(params, average=average)
    if not is_tensor(now):
        kept = min(decay, (1 + now) / (10 + now))
        return tree.map(lambda a, p: torch.lerp(a, p, 1 - kept), average, params)
    joining = 1 - torch.clamp((1 + now) / (10 + now), max=decay)
    return tree.map(lambda a, p: a + times(joining, p - a), average, params)
