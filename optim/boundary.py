"""The door of the package: what its functions accept, and the sentences that refuse everything else."""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import torch

from optim.precision import wide
from tape import tree

__all__ = ["aligned", "expect_state", "fraction", "nonnegative", "number", "place", "positive_integer", "remembered"]


def aligned(params: Any, **others: Any) -> list[Any]:
    """`params` and the `others`, in the structure of `params`, as plain values.

    A leaf that is not a floating-point tensor is a TypeError; one of `others` that does not fit `params` in
    structure, shape, dtype or device is a ValueError.
    """
    return _fitted(lambda dtype: dtype, params, others)


def remembered(params: Any, **state: Any) -> list[Any]:
    """The parts of a state that are like `params`, as `aligned` has them, in the dtypes that a state is kept in."""
    return _fitted(wide, params, state)[1:]


def _fitted(kept: Callable[[torch.dtype], torch.dtype], params: Any, others: dict[str, Any]) -> list[Any]:
    own, treedef = tree.flatten(params)
    for position, leaf in enumerate(own):
        if not _is_floating(leaf):
            raise TypeError(f"{place('params', params, position)} {_refusal(leaf)}")
    result = [tree.unflatten(treedef, map(_plain, own))]
    for name, other in others.items():
        try:
            leaves = tree.flatten_up_to(treedef, other)
        except ValueError:
            raise ValueError(_other_structure(name, other, params)) from None
        for position, (leaf, model) in enumerate(zip(leaves, own, strict=True)):
            if not _is_floating(leaf):
                raise TypeError(f"{place(name, params, position)} {_refusal(leaf)}")
            due = kept(model.dtype)
            if leaf.shape != model.shape or leaf.dtype != due or leaf.device != model.device:
                widened = "" if due == model.dtype else f", whose state is in {due}"
                raise ValueError(
                    f"{place(name, params, position)} is {_kind(leaf)}, where params is {_kind(model)}{widened}"
                )
        result.append(tree.unflatten(treedef, map(_plain, leaves)))
    return result


def expect_state(state: Any, *kinds: type) -> None:
    """Refuses, with a TypeError, a state that another optimizer's `init` made."""
    if not isinstance(state, kinds):
        raise TypeError(
            f"the state must be of type {kinds[0].__name__}, as this optimizer's init makes it, "
            f"got one of type {type(state).__name__}"
        )


def number(name: str, value: Any) -> float:
    """`value` as a float; a TypeError if it is not a number."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def nonnegative(name: str, value: Any) -> float:
    """`value` as a float; a ValueError if it is negative, infinite or NaN."""
    result = number(name, value)
    if not 0 <= result < math.inf:
        raise ValueError(f"{name} must be finite and not negative, got {value!r}")
    return result


def fraction(name: str, value: Any) -> float:
    """`value` as a float; a ValueError if it is not at least 0 and below 1."""
    result = number(name, value)
    if not 0 <= result < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {value!r}")
    return result


def positive_integer(name: str, value: Any) -> int:
    """`value` as an int; a TypeError if it is not an integer, a ValueError if it is not positive."""
    if not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value <= 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return int(value)


def _is_floating(leaf: Any) -> bool:
    # Asking for a dtype, not for a class, lets traced values through: an update can be differentiated too.
    dtype = getattr(leaf, "dtype", None)
    return isinstance(dtype, torch.dtype) and dtype.is_floating_point


def _plain(leaf: Any) -> Any:
    # Otherwise each state would keep the graph of all states before it alive.
    return leaf.detach() if isinstance(leaf, torch.Tensor) and leaf.requires_grad else leaf


def place(name: str, params: Any, position: int) -> str:
    """What a leaf is called in an error: the name of the pytree, and the path to the leaf."""
    path = tree.paths(params)[position]
    return f"{name} at {path!r}" if path else name


def _refusal(leaf: Any) -> str:
    dtype = getattr(leaf, "dtype", None)
    what = f"dtype {dtype}" if isinstance(dtype, torch.dtype) else f"type {type(leaf).__name__}"
    return f"is of {what}; an optimizer takes floating-point tensors"


def _kind(leaf: Any) -> str:
    return f"{leaf.dtype} of shape {tuple(leaf.shape)} on {leaf.device}"


def _other_structure(name: str, other: Any, params: Any) -> str:
    own, others = tree.paths(params), tree.paths(other)
    if missing := [path for path in own if path not in others]:
        difference = f"has no leaf at {missing[0]!r}"
    elif extra := [path for path in others if path not in own]:
        difference = f"has a leaf at {extra[0]!r}, where params has none"
    else:
        difference = f"is {tree.flatten(other)[1]}, where params is {tree.flatten(params)[1]}"
    return f"{name} must have the structure of params, but {difference}"
