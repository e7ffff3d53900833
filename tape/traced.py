"""Traced values: what a function sees in place of a tensor while it is recorded.

A traced value takes part in torch's own dispatch (`__torch_function__`), so that a function written for
tensors runs on it unchanged. What a torch function does to a traced value stands in one table, filled by
`implements`; torch's many spellings (methods, operators, keyword names) are understood here and nowhere else.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

import torch
from torch import Tensor

from tape import tree
from tape.errors import TapeError

if TYPE_CHECKING:
    from tape.recording import Recipe, Tape

__all__ = ["Traced", "function_name", "implements", "raw", "raw_tree"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Traced:
    """A value on a tape. `value` is a plain tensor, or a traced value of an outer level."""

    __slots__ = ("recipe", "slot", "tape", "value")

    _functions: ClassVar[dict[Any, tuple[Callable[..., Any], Callable[..., Any]]]] = {}

    def __init__(self, tape: "Tape", slot: int, value: Any, recipe: "Recipe | None" = None) -> None:
        self.tape = tape
        self.slot = slot
        self.value = value
        self.recipe = recipe

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        known = cls._functions.get(function)
        if known is None:
            raise _no_rule(function)
        implementation, respelled = known
        return respelled(*args, **kwargs) if kwargs else implementation(*args)

    def __getattr__(self, name: str) -> NoReturn:
        if name.endswith("_") and not name.endswith("__") and hasattr(Tensor, name):
            kin = name[:-1]
            instead = f"x = x.{kin}(...)" if callable(getattr(Tensor, kin, None)) else "an op that returns a new tensor"
            raise _in_place(f"Tensor.{name}", instead)
        if callable(getattr(Tensor, name, None)) and not name.startswith("__"):
            raise _no_rule(getattr(Tensor, name))
        raise AttributeError(f"a traced value has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"Traced({raw(self)!r})"

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(torch.unbind(self, 0))

    # A comparison gives a tensor, as torch's does, so hashing goes by identity.
    def __hash__(self) -> int:
        return id(self)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TapeError(
            "a traced value cannot become a numpy array: its derivative would be lost; "
            "write tape.stop_gradient(x).numpy() where no derivative is wanted"
        )

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise TapeError(
            "a traced value cannot be pickled or copied by the copy module: its derivative would be lost; "
            "write x.clone() for a copy with a derivative, tape.stop_gradient(x) for one without"
        )

    def __setitem__(self, *_: Any) -> NoReturn:
        raise _in_place("x[...] = v", "torch.where(mask, v, x) or torch.index_put(x, indices, v)")


def implements(*torch_functions: Any) -> Callable[[_Function], _Function]:
    """Makes a function stand in for torch functions, methods and operators on traced values.

    The function may be a primitive or a composite. It takes the same arguments as torch's; `input`, `other`,
    `axis` and `keepdims` are understood as other names for its first, its second, `dim` and `keepdim`. A
    keyword that it does not take is refused with a `TapeError`.

    >>> import tape
    >>> @tape.implements(torch.special.xlog1py)
    ... def xlog1py(x, y):
    ...     return x * torch.log1p(y)
    >>> tape.grad(lambda y: torch.special.xlog1py(torch.tensor(2.0), y))(torch.tensor(1.0))
    tensor(1.)
    """

    def register(function: _Function) -> _Function:
        respelled = _respell(function)
        for torch_function in torch_functions:
            Traced._functions[torch_function] = function, respelled
            for name in _METHOD_NAMES.get(torch_function, ()):
                # An operator has no keywords to spell differently.
                plain = name.startswith("__") and inspect.isfunction(function)
                setattr(Traced, name, function if plain else respelled)
        return function

    return register


def raw(x: Any) -> Any:
    """The plain tensor behind a traced value of any level; anything else as it is."""
    while type(x) is Traced:
        x = x.value
    return x


def raw_tree(x: Any) -> Any:
    """`raw` at every leaf."""
    return tree.map(raw, x)


def function_name(function: Any) -> str:
    """A torch function's name as a person would write it.

    >>> function_name(torch.sin), function_name(torch.Tensor.sin), function_name(torch.nn.functional.relu)
    ('torch.sin', 'Tensor.sin', 'torch.nn.functional.relu')
    """
    if function in _METHOD_NAMES:
        return "Tensor." + _METHOD_NAMES[function][0]
    name = getattr(function, "__name__", repr(function))
    for module in (torch, torch.nn.functional, torch.linalg, torch.special, torch.fft):
        for candidate in (name, name.removeprefix(module.__name__.rpartition(".")[2] + "_")):
            if getattr(module, candidate, None) is function:
                return f"{module.__name__}.{candidate}"
    return str(name)


# A method of Tensor and the names it goes by; the names of torch.Tensor that are no functions are left out.
_METHOD_NAMES: dict[Any, list[str]] = {}
for _name in sorted(dir(Tensor), key=lambda name: (name.startswith("_"), name)):
    _attribute = getattr(Tensor, _name)
    if callable(_attribute) and not isinstance(_attribute, type):
        _METHOD_NAMES.setdefault(_attribute, []).append(_name)

# Keywords that torch passes or people write although they ask for nothing.
_NEUTRAL = {
    "inplace": False,
    "out": None,
    "reduce": None,
    "return_indices": False,
    "size_average": None,
    "weight": None,
    "_stacklevel": 3,
}


def _respell(function: Callable[..., Any]) -> Callable[..., Any]:
    parameters = inspect.signature(function).parameters
    names = list(parameters)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    aliases = {"axis": "dim", "keepdims": "keepdim"}
    aliases |= dict(zip(("input", "other"), names, strict=False))
    if names:
        aliases["self"] = names[0]
    label = getattr(function, "__name__", str(function))

    def respelled(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            return function(*args)
        accepted = {}
        for key, value in kwargs.items():
            name = key if key in parameters or takes_any else aliases.get(key, key)
            if name in parameters or takes_any:
                accepted[name] = value
            elif key not in _NEUTRAL or value != _NEUTRAL[key]:
                raise _refused_keyword(label, key, value)
        return function(*args, **accepted)

    respelled.__name__ = label
    return respelled


def _refused_keyword(label: str, key: str, value: Any) -> TapeError:
    if key == "out":
        return _in_place(f"{label}(..., out=)", f"y = {label}(...)")
    if key == "inplace":
        return _in_place(f"{label}(..., inplace=True)", "inplace=False")
    shown = f"{key}={value!r}" if isinstance(value, (bool, int, float, str, torch.dtype)) else f"the keyword {key}"
    return TapeError(f"{label} does not support {shown} on a traced value")


def _no_rule(function: Any) -> TapeError:
    name = getattr(function, "__name__", "")
    if name.endswith("_") and not name.endswith("__"):
        return _in_place(function_name(function), "the function without the underscore")
    if name in ("__setitem__", "__set__"):
        return _in_place("assigning a traced value", "torch.where, torch.cat or torch.index_put")
    return TapeError(
        f"{function_name(function)} has no derivative rule: write it as a function of ops that have one and "
        "register it with @tape.implements(...), or define a primitive: @tape.primitive and .defvjp(...)"
    )


def _in_place(what: str, instead: str) -> TapeError:
    return TapeError(f"{what} changes a tensor in place, which is not recorded; write {instead} instead")


def _refuse_in_place(name: str, operator: str) -> Callable[..., NoReturn]:
    def refuse(self: Traced, other: Any) -> NoReturn:
        raise _in_place(f"x {operator}= y", f"x = x {operator} y")

    refuse.__name__ = name
    return refuse


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
    setattr(Traced, _name, _refuse_in_place(_name, _operator))


def _refuse_operator(name: str) -> Callable[..., NoReturn]:
    def refuse(self: Traced, *_: Any) -> NoReturn:
        raise _no_rule(getattr(Tensor, name))

    refuse.__name__ = name
    return refuse


# Python would call these unsupported; `implements` replaces those that have a rule.
for _name in ("and", "or", "xor", "lshift", "rshift", "mod", "matmul", "truediv", "floordiv", "pow"):
    for _prefix in ("", "r"):
        setattr(Traced, f"__{_prefix}{_name}__", _refuse_operator(f"__{_prefix}{_name}__"))
setattr(Traced, "__invert__", _refuse_operator("__invert__"))  # noqa: B010


def _delegated(name: str) -> property:
    return property(lambda self: getattr(raw(self), name))


for _name in ("shape", "dtype", "device", "ndim", "layout", "itemsize", "nbytes", "is_cuda", "is_cpu", "requires_grad"):
    setattr(Traced, _name, _delegated(_name))
