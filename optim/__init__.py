"""Pure optimizers: pairs of functions over pytrees of tensors, with PyTorch's names and PyTorch's arithmetic.

>>> import torch
>>> params = {"weight": torch.tensor([3.0, -2.0])}
>>> optimizer = chain(clip_by_global_norm(1.0), adam(warmup(constant(0.1), total_iters=10)))
>>> state = optimizer.init(params)
>>> for _ in range(100):
...     grads = {"weight": 2 * params["weight"]}  # of the sum of squares
...     updates, state = optimizer.update(grads, state, params)
...     params = apply_updates(params, updates)
>>> bool(params["weight"].norm() < 0.1)
True
"""

from optim.adam import AdamState, adam, adamw
from optim.averaging import moving_average
from optim.clipping import ClipState, clip_by_global_norm, global_norm
from optim.flat import flat
from optim.optimizer import Optimizer, apply_updates, chain
from optim.schedules import (
    Schedule,
    constant,
    cosine,
    linear_ramp_down,
    multi_step_decay,
    smooth_ramp_down,
    step_decay,
    warmup,
)
from optim.sgd import PlainSGDState, SGDState, sgd

__all__ = [
    "AdamState",
    "ClipState",
    "Optimizer",
    "PlainSGDState",
    "SGDState",
    "Schedule",
    "adam",
    "adamw",
    "apply_updates",
    "chain",
    "clip_by_global_norm",
    "constant",
    "cosine",
    "flat",
    "global_norm",
    "linear_ramp_down",
    "moving_average",
    "multi_step_decay",
    "sgd",
    "smooth_ramp_down",
    "step_decay",
    "warmup",
]
