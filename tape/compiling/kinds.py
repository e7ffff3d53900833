"""Kinds of calls: what must be the same for a program to fit."""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from tape import tree
from tape.core.running import running
from tape.core.traced import Traced

__all__ = ["difference", "is_inside", "is_watched", "kind_of"]


def kind_of(leaves: Sequence[Any], treedef: tree.TreeDef) -> Any:
    """What a call is like. Hashable, unless one of the leaves is not."""
    return treedef, _surroundings(), tuple(map(_key, leaves))


def difference(before: Any, after: Any, paths: Sequence[str]) -> str:
    """In words, in what two kinds differ."""
    if before[0] != after[0]:
        return "the structure of the arguments"
    if before[1] != after[1]:
        return "torch's settings (default dtype, grad mode, autocast)"
    for path, one, other in zip(paths, before[2], after[2], strict=True):
        if one != other:
            return f"argument {path.partition('.')[2] or path}, which was {_shown(one)} and is {_shown(other)}"
    return "nothing that can be seen"


def is_inside(leaves: Sequence[Any]) -> bool:
    """Whether a transformation, torch's or ours, or another noting looks on, so that the function itself must run."""
    return bool(running()) or is_watched() or any(type(leaf) is Traced for leaf in leaves)


def is_watched() -> bool:
    """Whether torch's transformations or a noting look on."""
    return _get_current_dispatch_mode() is not None or torch._C._functorch.peek_interpreter_stack() is not None


def _surroundings() -> Any:
    """What of torch's settings decides which operations run."""
    return (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.is_autocast_enabled("cuda"),
        torch.are_deterministic_algorithms_enabled(),
    )


def _key(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x.shape, x.dtype, x.device, x.layout
    if isinstance(x, float):
        return float, x.hex()  # nan is itself, and 0.0 is not -0.0
    if isinstance(x, torch.Generator):
        return torch.Generator, x.device
    if isinstance(x, functools.partial):
        return (
            functools.partial,
            x.func,
            tuple(map(_key, x.args)),
            tuple((k, _key(v)) for k, v in x.keywords.items()),
        )
    return type(x), x


def _shown(key: Any) -> str:
    if isinstance(key[0], torch.Size):
        return f"{str(key[1]).removeprefix('torch.')}{list(key[0])}"
    return repr(float.fromhex(key[1]) if key[0] is float else key[1])
