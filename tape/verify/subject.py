"""The function under test, and how it and its arguments are written down: in messages, and as code to run."""

import functools
import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.domain import Convention, Refusal
from tape.core.registry import registry
from tape.core.traced import Traced
from tape.verify.trial import Call

__all__ = ["code", "is_registered", "name_of", "named_arguments", "shown", "written_call"]

_LONG = 40  # a tensor of more entries is not written out


def name_of(f: Callable[..., Any]) -> str:
    """A function's name as a person would write it.

    >>> name_of(torch.sin), name_of(functools.partial(torch.sum, dim=0))
    ('sin', 'sum')
    """
    if isinstance(f, functools.partial):
        return name_of(f.func)
    return str(getattr(f, "name", None) or getattr(f, "__name__", None) or type(f).__name__)


def is_registered(f: Callable[..., Any]) -> bool:
    """Whether a function is one of the registry's primitives, or torch's own that the engine stands in for.

    >>> is_registered(functools.partial(torch.clamp, min=0)), is_registered(lambda x: torch.clamp(x, min=0))
    (True, False)
    """
    while isinstance(f, functools.partial):
        f = f.func
    return (isinstance(f, Hashable) and f in Traced.functions) or any(f is op for op, _ in registry.values())


def code(x: Any) -> str:
    """A value as Python code.

    >>> code(torch.tensor([1.0, 2.0])), code({"w": torch.zeros(0, 2)})
    ('torch.tensor([1.0, 2.0])', "{'w': torch.empty((0, 2))}")
    """
    if isinstance(x, Tensor):
        plain = x.detach().cpu()
        dtype = "" if plain.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={plain.dtype}"
        if not plain.numel():
            dtype = "" if plain.dtype is torch.float32 else f", dtype={plain.dtype}"
            return f"torch.empty({tuple(plain.shape)}{dtype})"
        if plain.numel() > _LONG:
            return f"torch.rand({tuple(plain.shape)}{dtype})"
        text = str(plain.tolist()).replace("nan", 'float("nan")').replace("inf", 'float("inf")')
        return f"torch.tensor({text}{dtype})"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{key!r}: {code(value)}" for key, value in x.items()) + "}"
    if type(x) is list:
        return "[" + ", ".join(map(code, x)) + "]"
    if type(x) is tuple:
        return "(" + ", ".join(map(code, x)) + ("," if len(x) == 1 else "") + ")"
    if isinstance(x, Convention):
        cotangent = "" if x.cotangent is None else f", cotangent={code(x.cotangent)}"
        return f"verify.convention({''.join(code(arg) + ', ' for arg in x.args)}gives={code(x.gives)}{cotangent})"
    if isinstance(x, Refusal):
        match = f", match={x.match!r}" if x.match else ""
        return f"verify.refusal({', '.join([x.error.__name__, *map(code, x.args)])}{match})"
    return repr(x)


def shown(x: Any) -> str:
    """A value as a message shows it."""
    if isinstance(x, Tensor):
        if x.numel() > _LONG or not x.numel():
            return f"a tensor of shape {tuple(x.shape)} and {x.dtype}"
        return str(x.detach()).replace("\n", "\n" + " " * 12)
    if isinstance(x, dict):
        return "{" + ", ".join(f"{key!r}: {shown(value)}" for key, value in x.items()) + "}"
    if isinstance(x, (tuple, list)) and any(isinstance(part, Tensor) for part in tree.leaves(x)):
        return ", ".join(shown(part) for part in x)
    return str(x)


def named_arguments(f: Callable[..., Any], args: Sequence[Any]) -> list[tuple[str, Any]]:
    """The arguments with the names that the function's signature gives them."""
    try:
        names = [
            name
            for name, parameter in inspect.signature(f).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return [(names[i] if i < len(names) else f"argument {i}", arg) for i, arg in enumerate(args)]


def written_call(f: Callable[..., Any], call: Call, options: dict[str, Any]) -> str:
    """A snippet that checks the function again at this call."""
    name = name_of(f)
    if not name.isidentifier():
        name = "f"
    given = ", ".join(f"{key}={code(value)}" for key, value in call.kwargs.items())
    target = f"functools.partial({name}, {given})" if given else name
    parts = [target, *map(code, call.args), *(f"{key}={code(value)}" for key, value in options.items())]
    large = any(isinstance(x, Tensor) and x.numel() > _LONG for x in tree.leaves(call.args))
    lines = ["import functools"] * bool(given) + ["import torch", "from tape import verify", ""]
    lines.append(f"verify.check({', '.join(parts)})")
    if large:
        lines.append("# the large inputs are left out here; the same check with the same seed draws them again")
    return "\n".join("    " + line if line else "" for line in lines)
