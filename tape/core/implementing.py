"""What stands in for torch's functions, methods and operators on traced values, in all of torch's spellings."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from tape.core.refusals import METHOD_NAMES, refused_keyword
from tape.core.traced import Traced

__all__ = ["implements"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def implements(*torch_functions: Any) -> Callable[[_Function], _Function]:
    """Makes a function stand in for torch functions, methods and operators on traced values.

    The function may be a primitive or a composite. It takes the same arguments as torch's; `input`, `other`,
    `axis` and `keepdims` are understood as other names for its first, its second, `dim` and `keepdim`. A
    keyword that it does not take is refused with a `TapeError`.

    >>> import tape, torch
    >>> @tape.implements(torch.special.xlog1py)
    ... def xlog1py(x, y):
    ...     return x * torch.log1p(y)
    >>> tape.grad(lambda y: torch.special.xlog1py(torch.tensor(2.0), y))(torch.tensor(1.0))
    tensor(1.)
    """

    def register(function: _Function) -> _Function:
        respelled = _respell(function)
        for torch_function in torch_functions:
            Traced.functions[torch_function] = function, respelled
            for name in METHOD_NAMES.get(torch_function, ()):
                # An operator has no keywords to spell differently.
                plain = name.startswith("__") and inspect.isfunction(function)
                setattr(Traced, name, function if plain else respelled)
        return function

    return register


# Keywords that torch passes or people write although they ask for nothing.
_NEUTRAL = {
    "inplace": False,
    "out": None,
    "reduce": None,
    "return_indices": False,
    "size_average": None,
    "weight": None,
}
# What concerns only the warnings that torch gives on the way.
_UNHEEDED = {"_stacklevel"}


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
            elif key not in _UNHEEDED and (key not in _NEUTRAL or value != _NEUTRAL[key]):
                raise refused_keyword(label, key, value)
        return function(*args, **accepted)

    respelled.__name__ = label
    return respelled
