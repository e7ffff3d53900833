"""Gradients held to a largest norm."""

import math
from typing import Any, NamedTuple

import torch

from optim.boundary import aligned, expect_state, number
from optim.optimizer import Optimizer
from optim.precision import narrowed
from tape import tree

__all__ = ["ClipState", "clip_by_global_norm", "global_norm"]

# Keeps the quotient finite where every gradient is zero; the number is torch's, so that results agree.
_MARGIN = 1e-6


class ClipState(NamedTuple):
    """What `clip_by_global_norm` remembers: nothing.

    >>> clip_by_global_norm(1.0).init({"w": torch.tensor([1.0])})
    ClipState()
    """


def clip_by_global_norm(max_norm: float) -> Optimizer:
    """Scales all gradients by one factor to a joint norm of at most `max_norm`; for use in a `chain`.

    The factor is `min(1, max_norm / (global_norm(grads) + 1e-6))`, as in `torch.nn.utils.clip_grad_norm_`.
    Unlike an optimizer that ends a chain it neither negates nor applies a learning rate. Gradients of
    infinite norm become NaN where they are infinite and zero elsewhere; a NaN anywhere makes all of them NaN. The norm
    and the scaling of float16 gradients are in float32, where torch's norm overflows at 65504.

    `max_norm` is not negative and not NaN, a ValueError otherwise, and a TypeError for what is no number; infinity
    clips nothing, not even what is infinite or NaN.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.

    >>> params = {"a": torch.zeros(1), "b": torch.zeros(1)}
    >>> clip = clip_by_global_norm(1.0)
    >>> clip.update({"a": torch.tensor([3.0]), "b": torch.tensor([4.0])}, clip.init(params), params)[0]
    {'a': tensor([0.6000]), 'b': tensor([0.8000])}
    """
    max_norm = number("max_norm", max_norm)
    if not max_norm >= 0:
        raise ValueError(f"max_norm must not be negative, got {max_norm}")

    def init(params: Any) -> ClipState:
        aligned(params)
        return ClipState()

    def update(grads: Any, state: ClipState, params: Any) -> tuple[Any, ClipState]:
        expect_state(state, ClipState)
        params, grads = aligned(params, grads=grads)
        if max_norm == math.inf:
            return tree.map(torch.clone, grads), ClipState()
        factor = torch.clamp(max_norm / (global_norm(grads) + _MARGIN), max=1.0)
        # In a tree of several dtypes the factor has the widest: a narrow 0-d gradient would take it on.
        return tree.map(lambda g: narrowed(_reaching(g) * factor.to(g.device), g), grads), ClipState()

    return Optimizer(init, update)


def global_norm(grads: Any) -> torch.Tensor:
    """The Euclidean norm of all leaves as one vector: 0-d, on the device of the first, zero without leaves.

    That of float16 leaves is float32.

    Leaves are floating-point; torch's RuntimeError otherwise.

    >>> global_norm({"a": torch.tensor([3.0]), "b": torch.tensor([4.0])})
    tensor(5.)
    """
    norms = [torch.linalg.vector_norm(_reaching(leaf)) for leaf in tree.leaves(grads)]
    if not norms:
        return torch.zeros(())
    total: torch.Tensor = torch.linalg.vector_norm(torch.stack([norm.to(norms[0].device) for norm in norms]))
    return total


def _reaching(leaf: Any) -> Any:
    """A leaf in a dtype in which its norm and those of others together are finite."""
    return leaf.float() if leaf.dtype == torch.float16 else leaf
