"""Losses, as `torch.nn.functional` has them: a mean over a batch unless asked otherwise."""

import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from tape.ops.precision import in_float32

__all__ = ["l1_loss", "mse_loss", "reduced"]


@tape.implements(F.mse_loss)
@in_float32
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The squared error, as `torch.nn.functional.mse_loss`.

    Args:
        input, target: tensors of one shape; they do not broadcast.
        reduction: "mean" or "sum" over all entries, 0-d; or "none", of the shape of both.

    Raises ValueError for two shapes and for another reduction.

    >>> mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    return reduced("mse_loss", torch.square(_difference("mse_loss", input, target)), reduction)


@tape.implements(F.l1_loss)
@in_float32
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The absolute error, as `torch.nn.functional.l1_loss`; its derivative is 0 where the error is.

    Args:
        input, target: tensors of one shape; they do not broadcast.
        reduction: "mean" or "sum" over all entries, 0-d; or "none", of the shape of both.

    Raises ValueError for two shapes and for another reduction.

    >>> l1_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(1.)
    """
    return reduced("l1_loss", torch.abs(_difference("l1_loss", input, target)), reduction)


def _difference(name: str, input: Tensor, target: Tensor) -> Tensor:
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: the input has shape {tuple(input.shape)} and the target {tuple(target.shape)}; they must agree"
        )
    return input - target


def reduced(name: str, loss: Tensor, reduction: str) -> Tensor:
    """The loss of each entry as `reduction` has it; ValueError, under the function's name, for another."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{name}: reduction is 'mean', 'sum' or 'none', not {reduction!r}")
