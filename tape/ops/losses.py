"""Losses of torch.nn.functional, composed. `reduction` is "mean", "sum" or "none"."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw
from tape.ops.arithmetic import no_broadcast, unequal
from tape.ops.precision import in_float32


def reduced(name: str, loss: Any, reduction: str) -> Any:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{name}: reduction is 'mean', 'sum' or 'none', not {reduction!r}")


@implements(F.huber_loss)
@in_float32
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Half the squared error up to delta, linear beyond; `weight` multiplies every entry, and the mean is plain."""
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive, and is {delta}")
    error = torch.abs(input - target)
    near = raw(error) < delta
    loss = torch.where(near, 0.5 * torch.where(near, input - target, 0.0) ** 2, delta * (error - 0.5 * delta))
    if weight is not None and weight.shape != input.shape:
        raise ValueError(f"huber_loss: weights of shape {tuple(weight.shape)} for an input of {tuple(input.shape)}")
    return reduced("huber_loss", loss if weight is None else loss * weight, reduction)


@implements(F.smooth_l1_loss)
@in_float32
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """The squared error over 2 beta below beta, the absolute error less beta / 2 from there."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, and is {beta}")
    error = torch.abs(input - target)
    if beta == 0:
        return reduced("smooth_l1_loss", error, reduction)
    near = raw(error) < beta
    small = torch.where(near, input - target, 0.0)
    loss = torch.where(near, 0.5 * small * (small / beta), error - 0.5 * beta)
    return reduced("smooth_l1_loss", loss, reduction)


@implements(F.cross_entropy)
@in_float32
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Of logits (C), (N, C) or (N, C, ...), with classes or with probabilities of the input's shape as target."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be between 0 and 1, and is {label_smoothing}")
    dim = 0 if input.ndim == 1 else 1
    logs = torch.log_softmax(input, dim)
    if not raw(target).is_floating_point():
        loss = nll_loss(logs, target, weight, ignore_index, reduction)
        if not label_smoothing:
            return loss
        return loss * (1 - label_smoothing) + label_smoothing * _smooth(
            logs, target, weight, ignore_index, reduction, dim
        )
    if target.shape != input.shape:
        raise ValueError(
            f"cross_entropy: probabilities of shape {tuple(target.shape)} for an input of {tuple(input.shape)}; "
            "they must agree"
        )
    classes = input.shape[dim]
    target = target * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else target
    loss = -(logs * target * _along(weight, dim, input.ndim)).sum(dim)
    if reduction == "mean":
        return loss.sum() / (math.prod(input.shape) / classes)
    return reduced("cross_entropy", loss, reduction)


def _along(weight: Any, dim: int, rank: int) -> Any:
    """The classes' weights beside the dimension of the classes."""
    return 1.0 if weight is None else weight.reshape((-1,) + (1,) * (rank - 1 - dim))


def _smooth(logs: Any, target: Any, weight: Any, ignore_index: int, reduction: str, dim: int) -> Any:
    """The cross entropy with a uniform target, of the entries that are not ignored."""
    counted = target != ignore_index
    spread = -(logs * _along(weight, dim, logs.ndim)).sum(dim) / logs.shape[dim]
    loss = torch.where(counted, spread, 0.0)
    if reduction == "mean":
        return loss.sum() / _total_weight(target, counted, weight)
    return reduced("cross_entropy", loss, reduction)


def _total_weight(target: Any, counted: Any, weight: Any) -> Any:
    if weight is None:
        return counted.sum()
    return torch.where(counted, _class_weights(target, counted, weight), 0.0).sum()


def _class_weights(target: Any, counted: Any, weight: Any) -> Any:
    places = torch.where(counted, target, 0)
    return torch.index_select(weight, 0, places.reshape(-1)).reshape(places.shape)


@implements(F.nll_loss)
@in_float32
def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Of logarithms of probabilities (C), (N, C) or (N, C, ...), with classes as target; the mean is weighted."""
    dim = 0 if input.ndim == 1 else 1
    if tuple(target.shape) != (*input.shape[:dim], *input.shape[dim + 1 :]):
        raise ValueError(
            f"nll_loss: a target of shape {tuple(target.shape)} for an input of {tuple(input.shape)}; it must have "
            "the input's shape without the classes"
        )
    counted = target != ignore_index
    places = torch.where(counted, target, 0).unsqueeze(dim)
    loss = -torch.gather(input, dim, places).squeeze(dim)
    if weight is not None:
        loss = loss * _class_weights(target, counted, weight)
    loss = torch.where(counted, loss, 0.0)
    if reduction == "mean":
        return loss.sum() / _total_weight(target, counted, weight)
    return reduced("nll_loss", loss, reduction)


@implements(F.binary_cross_entropy)
@in_float32
def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """Of probabilities; a logarithm counts as -100 at least, and in the derivative p (1 - p) as 1e-12, as in torch."""
    loss = bernoulli_loss(input, target)
    return reduced("binary_cross_entropy", loss if weight is None else loss * weight, reduction)


@op(
    case(real(low=0.2, high=0.8), real(low=0.0, high=1.0))
    .at([0.0, 1.0], [1.0, 1.0], gives=([-1e12, 0.0], [math.inf, -math.inf]))
    .refuses(RuntimeError, *unequal, match=no_broadcast)
)
def bernoulli_loss(p: Tensor, target: Tensor) -> Tensor:
    """-log of the probability of `target`, 1 or 0 or in between, where 1 has probability p."""
    yes, no = torch.log(p).clamp(min=-100), torch.log1p(-p).clamp(min=-100)
    return (target - 1) * no - target * yes


bernoulli_loss.defvjp(
    p=lambda g, p, target: g * ((p - target) / torch.clamp(p * (1 - p), min=1e-12)),
    target=lambda g, p: g * (torch.log1p(-p) - torch.log(p)),
)


@implements(F.binary_cross_entropy_with_logits)
@in_float32
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """Of logits; `pos_weight` multiplies the positive examples of a class, `weight` every entry."""
    if input.shape != target.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: the input has shape {tuple(input.shape)} and the target "
            f"{tuple(target.shape)}; they must agree"
        )
    positives = target if pos_weight is None else pos_weight * target
    log_weight = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    # From the nearer of two lines, so that no logarithm nor slope is the small difference of large ones.
    right = raw(input) >= 0
    line = torch.where(right, 1 - target, -positives) * input
    loss = line - log_weight * F.logsigmoid(torch.where(right, input, -input))
    return reduced("binary_cross_entropy_with_logits", loss if weight is None else loss * weight, reduction)


@implements(F.kl_div)
@in_float32
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """Of logarithms of probabilities; reduction may be "batchmean" too: the sum over the first dimension's size."""
    loss = torch.exp(target) * (target - input) if log_target else torch.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.ndim else loss.sum()
    return reduced("kl_div", loss, reduction)


@implements(F.poisson_nll_loss)
@in_float32
def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    """With `full`, Stirling's term for targets above 1."""
    rate, log_rate = (torch.exp(input), input) if log_input else (input, torch.log(input + eps))
    if not full:
        return reduced("poisson_nll_loss", rate - target * log_rate, reduction)
    large = torch.where(target > 1, target, 1.0)
    # The logarithms of rate and target are large and nearly equal where the loss is small: their difference first.
    loss = rate - target * (log_rate - torch.log(large))
    rest = 0.5 * torch.log(2 * math.pi * large) - large
    return reduced("poisson_nll_loss", loss + torch.where(target > 1, rest, 0.0), reduction)


@implements(F.soft_margin_loss)
@in_float32
def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    return reduced("soft_margin_loss", -F.logsigmoid(target * input), reduction)


@implements(F.multilabel_soft_margin_loss)
@in_float32
def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    loss = -(target * F.logsigmoid(input) + (1 - target) * F.logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return reduced("multilabel_soft_margin_loss", loss.mean(-1), reduction)
