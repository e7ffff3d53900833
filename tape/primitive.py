"""Primitives: functions that the tape records as one step, with a rule for each differentiable argument."""

import inspect
from collections.abc import Callable, Iterable
from functools import update_wrapper
from operator import itemgetter
from typing import Any, Generic, ParamSpec, TypeVar

from tape.calling import caller
from tape.errors import TapeError
from tape.recording import Plan, like

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


class Primitive(Generic[_P, _R]):
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
        self.function = function
        self.name = getattr(function, "__name__", repr(function))
        self.signature = inspect.signature(function)
        self.positional: tuple[str, ...] = ()
        self.static: tuple[str, ...] = ()
        for parameter in self.signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TapeError(
                    f"{self.name}: a primitive cannot take *{parameter.name}; take one tuple of tensors, and "
                    "name every keyword"
                )
            if parameter.name in ("g", "ans"):
                raise TapeError(
                    f"{self.name}: a primitive cannot have a parameter {parameter.name!r}; in a rule that is the "
                    f"{'cotangent' if parameter.name == 'g' else 'output'}"
                )
            if parameter.kind is parameter.KEYWORD_ONLY:
                self.static += (parameter.name,)
            else:
                self.positional += (parameter.name,)
        self.rules: dict[str, Callable[..., Any] | None] = {}
        self.remade = False
        self.plans: dict[int, Plan] = {}
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

    def label(self, position: int) -> str:
        """How messages name an argument."""
        return f"{self.name} for its argument {self.positional[position]!r}"

    def __repr__(self) -> str:
        return f"<primitive {self.name}{self.signature}>"

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return self.call(*args, **kwargs)  # type: ignore[no-any-return]

    def plan(self, traced: int) -> Plan:
        """What is done when the positional arguments at the set bits of `traced` are traced."""
        if traced not in self.plans:
            self.plans[traced] = self._plan(traced)
        return self.plans[traced]

    def _plan(self, traced: int) -> Plan:
        parameters = [*self.positional, *self.static, "ans"]
        asked: list[tuple[int, Callable[..., Any], list[str]]] = []
        for position, name in enumerate(self.positional):
            if not traced >> position & 1:
                continue
            if name not in self.rules:
                raise TapeError(
                    f"{self.name} has no rule for its argument {name!r}; add {self.name}.defvjp({name}=...), with "
                    "None if the derivative is zero"
                )
            rule = self.rules[name]
            if rule is not None:
                asked.append((position, rule, list(inspect.signature(rule).parameters)))
        wanted = dict.fromkeys(name for _, _, names in asked for name in names if name != "g")
        kept = [name for name in wanted if name in parameters]
        kept_like = [name for name in wanted if name not in parameters]
        pool = ["g", *kept, *kept_like]
        pick = _picker(parameters.index(name) for name in kept)
        pick_like = _picker(parameters.index(name.removesuffix("_like")) for name in kept_like)
        return Plan(
            parts=tuple((position, rule, _picker(map(pool.index, names))) for position, rule, names in asked),
            residuals=(lambda places: (*pick(places), *map(like, pick_like(places)))) if kept_like else pick,
            kept=tuple(pool[1:]),
            remade=self.remade,
        )


def _picker(places: Iterable[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Picks the entries at some places out of a tuple."""
    chosen = tuple(places)
    if len(chosen) > 1:
        return itemgetter(*chosen)
    return (lambda entries: (entries[chosen[0]],)) if chosen else (lambda entries: ())
