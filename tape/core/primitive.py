"""Primitives: functions that the tape records as one step, with a rule for each differentiable argument."""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from tape.core.calling import caller
from tape.core.definition import Definition
from tape.errors import TapeError

__all__ = ["Primitive", "primitive"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def primitive(function: Callable[_P, _R]) -> "Primitive[_P, _R]":
    """Makes a function of plain tensors a primitive: recorded as one step, differentiated by its own rules.

    Positional parameters may be tensors or pytrees of tensors; keyword-only ones are static. The function
    must be pure. Its rules are given with `defvjp`.

    Raises TapeError for a parameter `*args` or `**kwargs`, and for one that is named `g` or `ans`.

    >>> import tape, torch
    >>> @tape.primitive
    ... def cube(x):
    ...     return x**3
    >>> cube.defvjp(x=lambda g, x: g * 3 * x**2)
    >>> tape.grad(cube)(torch.tensor(2.0))
    tensor(12.)
    """
    return Primitive(function)


class Primitive(Definition, Generic[_P, _R]):
    """A function with its rules; made by `primitive`, whose decorated function it replaces.

    `function` is the one that was decorated: on plain tensors a call goes there and nothing is recorded. A call that
    is recorded is one step of the tape; it raises TapeError where an argument with a derivative has no rule, where
    a keyword-only argument is traced, and where the result is neither a tensor nor a tuple of them. `name` is what
    messages and programs call it.

    >>> import torch
    >>> @primitive
    ... def double(x):
    ...     return 2 * x
    >>> double, double(torch.tensor(3.0))
    (<primitive double(x)>, tensor(6.))
    """

    def __init__(self, function: Callable[_P, _R]) -> None:
        update_wrapper(self, function)
        super().__init__(function)
        self.call = caller(self)

    def defvjp(self, **rules: Callable[..., Any] | None) -> None:
        """Defines the rules: for each named argument, a function that maps the cotangent `g` of the output to
        the argument's cotangent, or None for a derivative that is zero.

        A rule takes by name what it needs: `g`; `ans`, the output; any parameter of the primitive; or a
        parameter's name followed by `_like` for its shape, dtype and device alone. The tape keeps what rules
        name and nothing else. Rules are written with torch functions, so that they can be differentiated again.

        Raises TapeError for an argument or a name that the primitive does not have.

        >>> import tape, torch
        >>> @primitive
        ... def repeated(x, *, times):
        ...     return x.repeat(times)
        >>> repeated.defvjp(x=lambda g, times: g.reshape(times, -1).sum(0))
        >>> tape.grad(lambda x: repeated(x, times=3).sum())(torch.zeros(2))
        tensor([3., 3.])
        """
        known = {"g", "ans", *self.signature.parameters}
        known |= {f"{name}_like" for name in self.signature.parameters}
        for argument, rule in rules.items():
            if argument not in self.positional:
                kind = "keyword-only, so static" if argument in self.static else "not a parameter"
                raise TapeError(f"{self.name}.defvjp: {argument!r} is {kind} of {self.name}{self.signature}")
            if rule is None:
                continue
            for parameter in inspect.signature(rule).parameters.values():
                if parameter.name not in known or parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
                    raise TapeError(
                        f"{self.name}.defvjp: the rule for {argument!r} asks for {parameter.name!r}; a rule may "
                        f"take g, ans, and the parameters of {self.name}{self.signature}, with _like or without"
                    )
        self.rules |= rules
        self.plans.clear()

    def keep_recipe(self) -> None:
        """Where a rule of a later step asks for this op's output, the tape keeps the op's arguments instead and
        makes the output again: for ops that make large tensors out of small ones without computing much.

        >>> import tape, torch
        >>> @tape.primitive
        ... def tripled(x):
        ...     return torch.cat([x, x, x])
        >>> tripled.defvjp(x=lambda g: g.reshape(3, -1).sum(0))
        >>> tripled.keep_recipe()
        >>> tape.trace(lambda x: torch.sin(tripled(x)))(torch.zeros(100)).residual_bytes
        400
        """
        self.remade = True
        self.plans.clear()

    def __repr__(self) -> str:
        return f"<primitive {self.name}{self.signature}>"

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return self.call(*args, **kwargs)  # type: ignore[no-any-return]
