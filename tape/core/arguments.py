"""Which arguments of a call are differentiated."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.traced import raw
from tape.errors import TapeError, TapeTypeError

__all__ = ["Argnums", "check_differentiable", "dotted", "named", "positions"]


class Argnums:
    """The positional arguments that `argnums` names: one, or a sequence of several."""

    def __init__(self, argnums: int | Sequence[int]) -> None:
        self.several = not isinstance(argnums, int)
        self.numbers = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)

    def choose(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Callable[..., Any], tuple[Any, ...], tuple[str, ...]]:
        """The call as a function of the chosen arguments, and their values and names."""
        chosen = positions(self.numbers, len(args))
        names = tuple(f"argument {position}" for position in chosen)
        for position, name in zip(chosen, names, strict=True):
            _refuse_what_has_none(args[position], name)

        def of_chosen(*values: Any) -> Any:
            full = list(args)
            for position, value in zip(chosen, values, strict=True):
                full[position] = value
            return f(*full, **kwargs)

        return of_chosen, tuple(args[position] for position in chosen), names

    def entries(self, values: tuple[Any, ...]) -> Any:
        """One entry for each chosen argument: a tuple if `argnums` is a sequence."""
        return values if self.several else values[0]


def positions(numbers: tuple[int, ...], count: int, name: str = "argnums") -> tuple[int, ...]:
    """The numbers of some of `count` arguments, counted from 0."""
    for number in numbers:
        if not -count <= number < count:
            raise ValueError(f"{name} {number} is out of range: the function was called with {count} arguments")
    chosen = tuple(number % count for number in numbers)
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"{name} {numbers} names an argument twice")
    return chosen


def check_differentiable(leaves: Sequence[Any], name: Callable[[int], str]) -> None:
    """Refuses what may hold numbers and has no derivative: all but dense real tensors, and what only says how to
    compute, as a flag or a name does."""
    for i, leaf in enumerate(leaves):
        plain = raw(leaf)
        if not isinstance(plain, Tensor):
            if not isinstance(plain, _HOLDS_NO_NUMBERS):
                raise _no_tensor(plain, name(i))
        elif plain.is_complex() or plain.layout is not torch.strided or plain.is_nested or plain.is_quantized:
            raise TapeError(
                f"{name(i)} is a tensor of {plain.dtype} and {plain.layout}; derivatives are of dense real tensors: "
                "pass x.to_dense(), or the real and the imaginary part"
            )


_HOLDS_NO_NUMBERS = (bool, str, torch.dtype, torch.device, torch.memory_format, torch.Generator)


def _no_tensor(x: Any, name: str) -> TapeTypeError:
    """What to write in place of what is no tensor."""
    kind = type(x).__name__
    if isinstance(x, (int, float, complex)) and not isinstance(x, bool):
        return TapeTypeError(f"{name} is the Python number {x!r}; a derivative needs a tensor: torch.tensor({x!r})")
    if isinstance(x, torch.nn.Module):
        return TapeTypeError(
            f"{name} is a module, {kind}; a derivative is of its parameters: pass dict(module.named_parameters()) and "
            "call tape.functional_call(module, parameters, x)"
        )
    if hasattr(x, "__array__"):
        return TapeTypeError(f"{name} is a numpy {kind}; a derivative needs a tensor: torch.as_tensor(x)")
    if dataclasses.is_dataclass(x):
        return TapeTypeError(
            f"{name} is the dataclass {kind}, which is not registered as a pytree: decorate it with "
            "@tape.tree.register_dataclass"
        )
    return TapeTypeError(
        f"{name} is a {kind}, which has no derivative; pass pytrees of tensors, and anything else as an argument "
        "outside argnums or let the function close over it"
    )


def named(names: tuple[str, ...], path: str) -> str:
    """How messages call a leaf of a tuple of arguments with names, given its path."""
    first, _, rest = path.partition(".")
    return dotted(names[int(first)], rest)


def dotted(name: str, path: str) -> str:
    """How messages call a leaf of an argument."""
    return f"{name} at {path}" if path else name


def _refuse_what_has_none(argument: Any, name: str) -> None:
    """Refuses integers, and an argument without any tensor; a flag or a name beside tensors has no gradient."""
    leaves = tree.leaves(argument)
    no_tensor = not any(isinstance(raw(leaf), Tensor) for leaf in leaves)
    for i, leaf in enumerate(leaves):
        if isinstance(leaf, Tensor) and not leaf.is_floating_point() and not leaf.is_complex():
            raise TapeError(
                f"{dotted(name, tree.paths(argument)[i])} is a tensor of {leaf.dtype}, which has no gradient; convert "
                "it with .float(), or pass it as an argument outside argnums"
            )
        if no_tensor:
            raise _no_tensor(leaf, dotted(name, tree.paths(argument)[i]))
