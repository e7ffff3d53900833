"""The losses of training, by name: means over all entries of a batch, each as its paper defines it.

Each is a function of the network's output and the target, both (N, C, H, W), with the options of `nn.mse_loss`. As
means over all entries they are the means of their microbatches, which `n2n.training_step` works on. With the L2 loss a
network learns the mean of the targets that an input may have, with L1 the median, with L0 the mode: the noise decides
which of them is the clean image (Noise2Noise, arXiv 1803.04189, section 2).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import nn
import tape
from nn.loss import reduced

__all__ = ["Loss", "hdr_loss", "l0_loss", "losses", "masked"]


def nothing_more(progress: float) -> tuple[Tensor, ...]:
    return ()


@dataclass(frozen=True)
class Loss:
    """A loss, and the further arguments that it takes as training goes on.

    `function(output, target, *more(progress))` is 0-d, where `progress` is the fraction of the training that is done:
    0 before the first step, 1 after the last. `about` says in a few words what the loss is.

    >>> gamma = losses["l0"].more(0.25)
    >>> gamma, losses["l2"].more(0.25)
    ((tensor(1.5000, dtype=torch.float64),), ())
    >>> losses["l0"].function(torch.tensor([1.0, 4.0]), torch.zeros(2), *gamma)
    tensor(4.5000)
    """

    function: Callable[..., Tensor]
    more: Callable[[float], tuple[Tensor, ...]] = nothing_more
    about: str = ""


def l0_loss(input: Tensor, target: Tensor, gamma: Tensor, reduction: str = "mean") -> Tensor:
    """The annealed L0 loss, (|input - target| + 1e-8)^gamma, for noise that leaves most pixels as they are.

    Args:
        input, target: tensors of one shape; they do not broadcast.
        gamma: 0-d, on the CPU or with the input; it falls from 2 to 0 in training, see `losses`.
        reduction: "mean" or "sum" over all entries, 0-d; or "none", of the shape of both.

    Its derivative is 0 where the error is. Raises ValueError for two shapes, a gamma that is not 0-d, and another
    reduction. Source: Lehtinen et al., "Noise2Noise", 2018, arXiv 1803.04189, section 3.3.

    >>> l0_loss(torch.tensor([1.0, 3.0]), torch.tensor([0.5, 3.0]), torch.tensor(2.0))
    tensor(0.1250)
    """
    if gamma.shape != ():
        raise ValueError(f"l0_loss: gamma is one number, 0-d, not of shape {tuple(gamma.shape)}")
    error = nn.l1_loss(input, target, reduction="none")
    return reduced("l0_loss", (error + 1e-8) ** gamma, reduction)


def hdr_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The squared error relative to the output, (input - target)² / (input + 0.01)², for a high dynamic range.

    Args:
        input, target: tensors of one shape; they do not broadcast. The input should not be negative: the loss is
            infinite where it is -0.01.
        reduction: "mean" or "sum" over all entries, 0-d; or "none", of the shape of both.

    The denominator counts as constant in every derivative, so that the mean of the targets stays the best output.
    Raises ValueError for two shapes and for another reduction. Source: Lehtinen et al., "Noise2Noise", 2018, arXiv
    1803.04189, section 3.4.

    >>> x, y = torch.tensor([0.99, 0.0]), torch.tensor([0.49, 0.0])
    >>> hdr_loss(x, y), tape.grad(hdr_loss)(x, y)
    (tensor(0.1250), tensor([0.5000, 0.0000]))
    """
    weight = tape.stop_gradient(input + 0.01).square()
    return reduced("hdr_loss", nn.mse_loss(input, target, reduction="none") / weight, reduction)


def masked(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A loss weighted with the mask of the target, for targets of which only some pixels were measured.

    Args:
        loss: `loss(input, target, *more, reduction="none")` gives the loss of each entry, as those of `losses` do.

    Returns:
        `masked_loss(input, target, mask, *more)`: the sum of mask · loss, divided by the number of all entries,
        measured or not. `mask` is (N, 1, H, W) or of the input's shape, 1 where the target was measured and 0 where
        it was not. Divided by the number of measured ones, it would not be the mean of its microbatches, and an image
        of which little was measured would count for as much as any other.

    The function raises ValueError for a mask that does not fit. Source: Lehtinen et al., "Noise2Noise", 2018, arXiv
    1803.04189, section 3.2.

    >>> masked(nn.mse_loss)(torch.zeros(1, 1, 1, 2), torch.tensor([[[[2.0, 9.0]]]]), torch.tensor([[[[1.0, 0.0]]]]))
    tensor(2.)
    """

    def masked_loss(input: Tensor, target: Tensor, mask: Tensor, *more: Tensor) -> Tensor:
        errors = loss(input, target, *more, reduction="none")
        fits = len(mask.shape) == len(errors.shape) and mask.shape[:1] == errors.shape[:1]
        if not fits or any(here not in (1, there) for here, there in zip(mask.shape, errors.shape, strict=True)):
            raise ValueError(
                f"a mask of shape {tuple(mask.shape)} does not fit images of shape {tuple(errors.shape)}: it has one "
                "channel or as many as they have, and their other sizes"
            )
        return (mask * errors).mean()

    return masked_loss


def falling_gamma(progress: float) -> tuple[Tensor, ...]:
    """The power of the annealed L0 loss: from 2 to 0, linearly over the training."""
    if not 0 <= progress <= 1:
        raise ValueError(f"the fraction of the training that is done is between 0 and 1, not {progress}")
    return (torch.tensor(2 - 2 * progress, dtype=torch.float64),)


# What a training run chooses from.
losses: dict[str, Loss] = {
    "l2": Loss(nn.mse_loss, about="the squared error: learns the mean of what a target may be"),
    "l1": Loss(nn.l1_loss, about="the absolute error: learns the median, as of text"),
    "l0": Loss(l0_loss, falling_gamma, about="annealed from L2 to L0: learns the mode, as of random pixels"),
    "hdr": Loss(hdr_loss, about="the squared error relative to the output, for a high dynamic range"),
}
