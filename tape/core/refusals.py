"""What is said of what cannot be recorded, and how torch's functions are called there."""

from typing import Any

import torch
from torch import Tensor

from tape.core.boundary.companions import bringer
from tape.errors import TapeError

__all__ = ["METHOD_NAMES", "function_name", "in_place", "no_rule", "refused_keyword"]


def refused_keyword(label: str, key: str, value: Any) -> TapeError:
    if key == "out":
        return in_place(f"{label}(..., out=)", f"y = {label}(...)")
    if key == "inplace":
        return in_place(f"{label}(..., inplace=True)", "inplace=False")
    shown = f"{key}={value!r}" if isinstance(value, (bool, int, float, str, torch.dtype)) else f"the keyword {key}"
    return TapeError(f"{label} does not support {shown} on a traced value")


def no_rule(function: Any) -> TapeError:
    name = getattr(function, "__name__", "")
    if name.endswith("_") and not name.endswith("__"):
        return in_place(function_name(function), "the function without the underscore")
    if name in ("__setitem__", "__set__"):
        return in_place("assigning a traced value", "torch.where, torch.cat or torch.index_put")
    if name in _TORCHS_AUTOGRAD:
        return TapeError(
            f"{function_name(function)} has no derivative rule: torch's own autograd knows nothing of traced values; "
            "write tape.grad(f)(x), tape.value_and_grad or tape.vjp, which nest"
        )
    if package := bringer(function_name(function).rpartition(".")[2]):
        return TapeError(
            f"{function_name(function)} has no derivative rule as long as the package {package}, which has one, is not "
            f"imported: write import {package}"
        )
    return TapeError(
        f"{function_name(function)} has no derivative rule: write it as a function of ops that have one and "
        "register it with @tape.implements(...), or define a primitive: @tape.primitive and .defvjp(...)"
    )


_TORCHS_AUTOGRAD = {"backward", "grad", "register_hook", "retain_grad", "register_post_accumulate_grad_hook"}


def in_place(what: str, instead: str) -> TapeError:
    return TapeError(f"{what} changes a tensor in place, which is not recorded; write {instead} instead")


def function_name(function: Any) -> str:
    """A torch function's name as a person would write it.

    >>> function_name(torch.sin), function_name(torch.Tensor.sin), function_name(torch.nn.functional.relu)
    ('torch.sin', 'Tensor.sin', 'torch.nn.functional.relu')
    """
    if function in METHOD_NAMES:
        return "Tensor." + METHOD_NAMES[function][0]
    name: str = getattr(function, "__name__", repr(function))
    for module in (torch, torch.nn.functional, torch.linalg, torch.special, torch.fft):
        for candidate in (name, name.removeprefix(module.__name__.rpartition(".")[2] + "_")):
            if getattr(module, candidate, None) is function:
                return f"{module.__name__}.{candidate}"
    return name


# A method of Tensor and the names it goes by; the names of torch.Tensor that are no functions are left out.
METHOD_NAMES: dict[Any, list[str]] = {}
for _name in sorted(dir(Tensor), key=lambda name: (name.startswith("_"), name)):
    _attribute = getattr(Tensor, _name)
    if callable(_attribute) and not isinstance(_attribute, type):
        METHOD_NAMES.setdefault(_attribute, []).append(_name)
