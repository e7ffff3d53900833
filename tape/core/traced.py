"""Traced values: what a function sees in place of a tensor while it is recorded.

A traced value takes part in torch's own dispatch (`__torch_function__`), so that a function written for
tensors runs on it unchanged. What a torch function does to a traced value stands in one table, which
`implements` fills.
"""

from collections.abc import Callable, Iterator
from functools import partialmethod
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor

from tape import tree
from tape.core.boundary.arrays import is_array, number_of, operator_of, refuse_array
from tape.core.refusals import in_place, no_rule
from tape.core.tape import Like, Recipe, Tape
from tape.errors import TapeError

__all__ = ["Traced", "box", "like", "raw", "raw_tree"]


class Traced:
    """A value on a tape. `value` is a plain tensor, or a traced value of an outer level."""

    __slots__ = ("recipe", "slot", "tape", "value")

    functions: ClassVar[dict[Any, tuple[Callable[..., Any], Callable[..., Any]]]] = {}

    def __init__(self, tape: Tape, slot: int, value: Any, recipe: Recipe | None = None) -> None:
        self.tape = tape
        self.slot = slot
        self.value = value
        self.recipe = recipe

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        known = cls.functions.get(function)
        if known is None:
            raise no_rule(function)
        implementation, respelled = known
        return respelled(*args, **kwargs) if kwargs else implementation(*args)

    def __getattr__(self, name: str) -> NoReturn:
        if name.endswith("_") and not name.endswith("__") and hasattr(Tensor, name):
            kin = name[:-1]
            instead = f"x = x.{kin}(...)" if callable(getattr(Tensor, kin, None)) else "an op that returns a new tensor"
            raise in_place(f"Tensor.{name}", instead)
        if callable(getattr(Tensor, name, None)) and not name.startswith("__"):
            raise no_rule(getattr(Tensor, name))
        raise AttributeError(f"a traced value has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"Traced({raw(self)!r})"

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(torch.unbind(self))

    # A comparison gives a tensor, as torch's does, so hashing goes by identity.
    def __hash__(self) -> int:
        return id(self)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise refuse_array("a traced value", "")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """What numpy does where one of its numbers stands on the left of an operator: the operator."""
        operation = operator_of(ufunc)
        number = method == "__call__" and not options and is_array(inputs[0]) and not inputs[0].ndim
        if operation is None or not number:
            raise refuse_array(
                f"a traced value in numpy.{ufunc.__name__}",
                "write torch's function of the name, and torch.as_tensor(array) for an array; ",
            )
        return operation(*map(number_of, inputs))

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise TapeError(
            "a traced value cannot be pickled or copied by the copy module: its derivative would be lost; "
            "write x.clone() for a copy with a derivative, tape.stop_gradient(x) for one without"
        )

    def __setitem__(self, *_: Any) -> NoReturn:
        raise in_place("x[...] = v", "torch.where(mask, v, x) or torch.index_put(x, indices, v)")


def box(tape: Tape, value: Any, recipe: Recipe | None = None) -> Traced:
    """Gives `value` the next slot of a tape; where a rule asks for it, its recipe is kept in its place."""
    slot = len(tape.likes)
    tape.likes.append(_like_leaf(value))
    return Traced(tape, slot, value, recipe)


def raw(x: Any) -> Any:
    """The plain tensor behind a traced value of any level; anything else as it is."""
    while type(x) is Traced:
        x = x.value
    return x


def raw_tree(x: Any) -> Any:
    """`raw` at every leaf."""
    return tree.map(raw, x)


# What is made at each recorded call is made without the detour over a named tuple's constructor.
_new = tuple.__new__


def like(x: Any) -> Any:
    """The `Like` of a tensor or traced value, of each leaf of a pytree of them; anything else as it is."""
    if type(x) is Recipe:
        return x.like
    return _like_leaf(x) if isinstance(x, (Tensor, Traced)) else tree.map(_like_leaf, x)


def _like_leaf(x: Any) -> Any:
    x = raw(x)
    return _new(Like, (x.shape, x.dtype, x.device)) if isinstance(x, Tensor) else x


def _refuse_in_place(self: Traced, operator: str, _: Any) -> NoReturn:
    raise in_place(f"x {operator}= y", f"x = x {operator} y")


for _name, _operator in {
    "__iadd__": "+",
    "__isub__": "-",
    "__imul__": "*",
    "__itruediv__": "/",
    "__ifloordiv__": "//",
    "__imod__": "%",
    "__ipow__": "**",
    "__imatmul__": "@",
    "__iand__": "&",
    "__ior__": "|",
    "__ixor__": "^",
    "__ilshift__": "<<",
    "__irshift__": ">>",
}.items():
    setattr(Traced, _name, partialmethod(_refuse_in_place, _operator))


def _refuse_operator(self: Traced, name: str, *_: Any) -> NoReturn:
    raise no_rule(getattr(Tensor, name))


# Python would call these unsupported; `implements` replaces those that have a rule.
for _name in ("and", "or", "xor", "lshift", "rshift", "mod", "matmul", "truediv", "floordiv", "pow"):
    for _prefix in ("", "r"):
        _operator = f"__{_prefix}{_name}__"
        setattr(Traced, _operator, partialmethod(_refuse_operator, _operator))
setattr(Traced, "__invert__", partialmethod(_refuse_operator, "__invert__"))  # noqa: B010
