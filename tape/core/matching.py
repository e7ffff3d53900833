"""That the cotangents or tangents that are given fit the values that they belong to."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.tape import Like
from tape.core.traced import like, raw
from tape.errors import TapeError

__all__ = ["Expected", "described", "is_float", "zeros"]


class Expected:
    """What is due for a pytree of values: for each floating-point tensor one of its shape, dtype and device, for
    each other leaf None.

    Messages call what is given `role`, what it belongs to `owner`, and its leaves what `named` makes of their paths.
    """

    def __init__(self, values: Any, role: str, owner: str, named: Callable[[str], str] | None = None) -> None:
        leaves, self.treedef = tree.flatten(values)
        self.likes: list[Like | None] = [like(leaf) if is_float(leaf) else None for leaf in leaves]
        self.role = role
        self.owner = owner
        self.named = named or (lambda path: f"{owner} {path}" if path else "")

    def match(self, given: Any) -> list[Any]:
        """The leaves of `given`, checked, and without torch's own graph."""
        return [self._leaf(i, leaf) for i, leaf in enumerate(self._leaves(given))]

    def complete(self, given: Any) -> list[Any]:
        """As `match`, with zeros where None is given; what is given in the place of None is dropped."""
        leaves = [None] * len(self.likes) if given is None else self._leaves(given)
        return [
            None if due is None else zeros(due) if leaves[i] is None else self._leaf(i, leaves[i])
            for i, due in enumerate(self.likes)
        ]

    def _leaves(self, given: Any) -> list[Any]:
        try:
            return tree.flatten_up_to(self.treedef, given)
        except ValueError:
            raise TapeError(self._misfit(given)) from None

    def _leaf(self, i: int, given: Any) -> Any:
        due = self.likes[i]
        if due is None:
            if given is not None:
                raise TapeError(
                    f"{self._where(i)} is {described(given)}; the {self.owner} is no floating-point tensor, so it must "
                    "be None"
                )
            return None
        plain = raw(given)
        if not isinstance(plain, Tensor):
            raise TapeError(f"{self._where(i)} is {described(given)}; it must be a tensor of shape {tuple(due.shape)}")
        if like(plain) != due or plain.layout is not torch.strided:
            raise TapeError(f"{self._where(i)} {_description(plain)}; the {self.owner} {_description(due)}")
        return plain.detach() if plain is given else given

    def _paths(self) -> list[str]:
        return tree.paths(tree.unflatten(self.treedef, range(len(self.likes))))

    def _where(self, i: int | None = None) -> str:
        name = self.named("" if i is None else self._paths()[i])
        return f"{self.role} of {name}" if name else self.role

    def _misfit(self, given: Any) -> str:
        """How its structure differs."""
        due, paths = self._paths(), tree.paths(given)
        lacks = [path for path in due if path not in paths]
        extra = [path for path in paths if path and path not in due]
        differences = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(extra)} besides"] * bool(extra)
        return f"{self._where()} has another structure than the {self.owner}: it " + (
            " and ".join(differences) or f"is {tree.flatten(given)[1]} where the {self.owner} is {self.treedef}"
        )


def zeros(to: Like) -> Tensor:
    return torch.zeros(to.shape, dtype=to.dtype, device=to.device)


def described(x: Any) -> str:
    """How messages describe what is there in place of what is due."""
    plain = raw(x)
    if isinstance(plain, Tensor):
        return f"a tensor of shape {tuple(plain.shape)}"
    return "None" if plain is None else f"{plain!r}" if isinstance(plain, (int, float)) else f"a {type(plain).__name__}"


def is_float(x: Any) -> bool:
    plain = raw(x)
    return isinstance(plain, Tensor) and plain.is_floating_point()


def _description(x: Tensor | Like) -> str:
    layout = f", {x.layout}" if isinstance(x, Tensor) and x.layout is not torch.strided else ""
    return f"has shape {tuple(x.shape)} and {x.dtype} on {x.device}{layout}"
