"""An optimizer that works on all parameters as one vector."""

from typing import Any

import torch

from optim.boundary import aligned
from optim.optimizer import Optimizer
from tape import tree

__all__ = ["flat"]


def flat(optimizer: Optimizer) -> Optimizer:
    """The same optimizer on one vector of all parameters, or one for each dtype and device among them.

    An update of many small tensors costs as many calls as there are tensors; that of a vector costs one each, and a
    copy. Results are the same to rounding where an optimizer goes entry by entry or takes all entries together, as all
    of this package do. One that treats tensors apart sees vectors: a weight decay's mask, for instance, has nothing to
    choose from.

    `params`, `grads` and `updates` are pytrees as before. The state is the optimizer's for a list of vectors. Errors
    are those of `Optimizer`, and a TypeError for what is no `Optimizer`. The idea is that of `optax.flatten`.

    >>> from optim import adam
    >>> optimizer = flat(adam(0.1))
    >>> params = {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}
    >>> updates, state = optimizer.update(params, optimizer.init(params), params)
    >>> updates["weight"].shape, [mean.shape for mean in state.exp_avg]
    (torch.Size([2, 2]), [torch.Size([6])])
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"flat takes an optimizer, not a {type(optimizer).__name__}")

    def init(params: Any) -> Any:
        (params,) = aligned(params)
        return optimizer.init(_vectors(params))

    def update(grads: Any, state: Any, params: Any) -> tuple[Any, Any]:
        params, grads = aligned(params, grads=grads)
        vectors, state = optimizer.update(_vectors(grads), state, _vectors(params))
        return _divided(vectors, params), state

    return Optimizer(init, update)


def _vectors(params: Any) -> list[Any]:
    leaves = tree.leaves(params)
    return [torch.cat([leaves[i].reshape(-1) for i in places]) for places in _alike(leaves)]


def _divided(vectors: list[Any], params: Any) -> Any:
    """The vectors' entries as tensors of the parameters' shapes."""
    leaves, treedef = tree.flatten(params)
    for vector, places in zip(vectors, _alike(leaves), strict=True):
        parts = vector.split([leaves[i].numel() for i in places])
        for i, part in zip(places, parts, strict=True):
            leaves[i] = part.reshape(leaves[i].shape)
    return tree.unflatten(treedef, leaves)


def _alike(leaves: list[Any]) -> list[list[int]]:
    """The places of the leaves of each dtype and device."""
    places: dict[Any, list[int]] = {}
    for i, leaf in enumerate(leaves):
        places.setdefault((leaf.dtype, leaf.device), []).append(i)
    return list(places.values())
