"""Weight decay, of every parameter or of those that a mask names."""

from collections.abc import Callable
from typing import Any

import torch

from optim.boundary import place
from tape import tree

__all__ = ["Mask", "masked"]

# Of parameters: for each, whether it decays.
Mask = Callable[[Any], Any]


def masked(mask: Any) -> Mask:
    """The function that says of parameters which decay: all of them if `mask` is None.

    `mask` is a pytree of truth values in the structure of the parameters; one that stands where they have a whole
    pytree holds for all of it. What is no truth value is a TypeError that names it, and a mask of another structure
    than the parameters a ValueError.

    >>> masked({"conv": True, "scale": False})({"conv": {"weight": 1.0, "bias": 2.0}, "scale": 3.0})
    {'conv': {'weight': True, 'bias': True}, 'scale': False}
    """
    if mask is None:
        return lambda params: tree.map(lambda _: True, params)
    chosen, treedef = tree.flatten(mask)
    for position, leaf in enumerate(chosen):
        if not _is_truth_value(leaf):
            raise TypeError(f"{place('mask', mask, position)} must be True or False, got {leaf!r}")
    chosen = [bool(leaf) for leaf in chosen]

    def of(params: Any) -> Any:
        try:
            subtrees = tree.flatten_up_to(treedef, params)
        except ValueError:
            raise ValueError(
                f"mask must have the structure of params, or have one truth value for a whole part of it, but has "
                f"{tree.paths(mask)}, where params has {tree.paths(params)}"
            ) from None
        spread = [tree.map(lambda _, on=on: on, part) for on, part in zip(chosen, subtrees, strict=True)]
        return tree.unflatten(treedef, spread)

    return of


def _is_truth_value(leaf: Any) -> bool:
    return isinstance(leaf, bool) or (isinstance(leaf, torch.Tensor) and leaf.dtype == torch.bool and leaf.ndim == 0)
