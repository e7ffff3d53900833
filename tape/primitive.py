"""Primitives: functions that the tape records as one step, with a rule for each differentiable argument."""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

import torch
from torch import Tensor

from tape import tree
from tape.errors import TapeError
from tape.recording import Plan, Step, Tape, like, versions
from tape.traced import Traced, raw_tree

__all__ = ["Primitive", "primitive"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

# Arguments of these types hold no traced values; anything else is looked into as a pytree.
_LEAVES = {Tensor, torch.nn.Parameter, int, float, bool, str, type(None), torch.dtype, torch.Size, slice}


def primitive(function: Callable[_P, _R]) -> "Primitive[_P, _R]":
    """Makes a function of plain tensors a primitive: recorded as one step, differentiated by its own rules.

    Positional parameters may be tensors or pytrees of tensors; keyword-only ones are static. The function
    must be pure. Its rules are given with `defvjp`.

    >>> import tape
    >>> @tape.primitive
    ... def cube(x):
    ...     return x**3
    >>> cube.defvjp(x=lambda g, x: g * 3 * x**2)
    >>> tape.grad(cube)(torch.tensor(2.0))
    tensor(12.)
    """
    return Primitive(function)


class Primitive(Generic[_P, _R]):
    """See `primitive`."""

    def __init__(self, function: Callable[_P, _R]) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = getattr(function, "__name__", repr(function))
        self.signature = inspect.signature(function)
        self.positional: tuple[str, ...] = ()
        self.static: tuple[str, ...] = ()
        self._defaults: dict[str, Any] = {}
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
            if parameter.default is not parameter.empty:
                self._defaults[parameter.name] = parameter.default
        self.rules: dict[str, Callable[..., Any] | None] = {}
        self._plans: dict[int, Plan] = {}

    def defvjp(self, **rules: Callable[..., Any] | None) -> None:
        """Defines the rules: for each named argument, a function that maps the cotangent `g` of the output to
        the argument's cotangent, or None for a derivative that is zero.

        A rule takes by name what it needs: `g`; `ans`, the output; any parameter of the primitive; or a
        parameter's name followed by `_like` for its shape, dtype and device alone. The tape keeps what rules
        name and nothing else. Rules are written with torch functions, so that they can be differentiated again.

        Raises TapeError for an argument or a name that the primitive does not have.
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
        self._plans.clear()

    def label(self, position: int) -> str:
        """How messages name an argument."""
        return f"{self.name} for its argument {self.positional[position]!r}"

    def __repr__(self) -> str:
        return f"<primitive {self.name}{self.signature}>"

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        if kwargs or len(args) != len(self.positional):
            args, kwargs = self._bind(args, kwargs)  # type: ignore[assignment]
        tape: Tape | None = None
        for argument in args:
            kind = type(argument)
            if kind is Traced:
                if tape is None or argument.tape.level > tape.level:  # type: ignore[attr-defined]
                    tape = argument.tape  # type: ignore[attr-defined]
            elif kind not in _LEAVES:
                for leaf in tree.leaves(argument):
                    if type(leaf) is Traced and (tape is None or leaf.tape.level > tape.level):
                        tape = leaf.tape
        if tape is None:
            return self.function(*args, **kwargs)
        return self._record(tape, args, kwargs)  # type: ignore[no-any-return]

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Every positional parameter in its place, and static ones by keyword."""
        static = dict(kwargs)
        bound = list(args)
        for name in self.positional[len(args) :]:
            if name in kwargs:
                bound.append(static.pop(name))
            elif name in self._defaults:
                bound.append(self._defaults[name])
        if len(bound) != len(self.positional) or not static.keys() <= set(self.static):
            raise TypeError(f"{self.name}{self.signature} {self._mismatch(args, kwargs)}")
        return tuple(bound), static

    def _mismatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        for name in kwargs:
            if name not in self.signature.parameters:
                return f"has no argument {name!r}"
            if name in self.positional[: len(args)]:
                return f"got its argument {name!r} twice"
        for name in self.positional[len(args) :]:
            if name not in kwargs:  # nor has it a default: parameters that have one come last
                return f"lacks its argument {name!r}"
        return f"takes {len(self.positional)} positional arguments and got {len(args)}"

    def _record(self, tape: Tape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if tape.ended:
            raise TapeError(
                f"{self.name} got a traced value whose transformation has ended; return it from the function "
                "that is differentiated instead of keeping it"
            )
        for name, value in kwargs.items():
            if type(value) not in _LEAVES and any(type(leaf) is Traced for leaf in tree.leaves(value)):
                raise TapeError(f"{self.name}: its argument {name!r} is static and cannot be a traced value")
        if not torch.is_grad_enabled():  # torch.no_grad() inside a function stops its derivatives
            return self.function(*raw_tree(args), **kwargs)

        values: list[Any] = []
        slots: list[Any] = []
        traced = 0
        outer = False  # whether a value belongs to an outer level, which then records the call too
        for position, argument in enumerate(args):
            value, slot = argument, None
            kind = type(argument)
            if kind is Traced:
                if argument.tape is tape:
                    value, slot = argument.value, argument.slot
                    traced |= 1 << position
                outer = outer or type(value) is Traced
            elif kind is Tensor or kind is torch.nn.Parameter:
                value = _detached(argument)
            elif kind not in _LEAVES:
                leaves, treedef = tree.flatten(argument)
                mine = [type(leaf) is Traced and leaf.tape is tape for leaf in leaves]
                parts = [leaf.value if own else _detached(leaf) for leaf, own in zip(leaves, mine, strict=True)]
                outer = outer or any(type(part) is Traced for part in parts)
                value = tree.unflatten(treedef, parts)
                if any(mine):
                    slot = [leaf.slot if own else None for leaf, own in zip(leaves, mine, strict=True)]
                    traced |= 1 << position
            values.append(value)
            slots.append(slot)
        ans = self(*values, **kwargs) if outer else _detached(self.function(*values, **kwargs))
        plan = self._plans.get(traced)
        if plan is None:
            plan = self._plans[traced] = self._plan(traced)
        if not plan.positions:
            return ans

        output: Any
        result: Any
        if isinstance(ans, (tuple, list)):
            boxed = [tape.trace(part) if self._differentiable(part) else part for part in ans]
            output = tuple(part.slot if type(part) is Traced else None for part in boxed)
            if all(slot is None for slot in output):
                return ans
            result = type(ans)(*boxed) if hasattr(ans, "_fields") else type(ans)(boxed)
        elif self._differentiable(ans):
            result = tape.trace(ans)
            output = result.slot
        elif isinstance(ans, Tensor):
            return ans
        else:
            raise TapeError(f"{self.name} returned a {type(ans).__name__}; a primitive returns a tensor or a tuple")
        places = [*values, *(kwargs.get(name, self._defaults.get(name)) for name in self.static), ans]
        residuals = [places[i] for i in plan.kept] + [like(places[i]) for i in plan.kept_like]
        inputs = tuple([slots[position] for position in plan.positions])
        tape.steps.append(Step(self, plan, inputs, output, residuals, versions(residuals)))
        return result

    def _differentiable(self, output: Any) -> bool:
        if not isinstance(output, Tensor):
            return type(output) is Traced
        if output.is_complex():
            raise TapeError(f"{self.name} gave a tensor of {output.dtype}; derivatives are of real tensors")
        return output.is_floating_point()

    def _plan(self, traced: int) -> Plan:
        parameters = [*self.positional, *self.static, "ans"]
        positions: list[int] = []
        rules: list[Callable[..., Any]] = []
        asked: list[list[str]] = []
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
                positions.append(position)
                rules.append(rule)
                asked.append(list(inspect.signature(rule).parameters))
        wanted = dict.fromkeys(name for names in asked for name in names if name != "g")
        kept = [name for name in wanted if name in parameters]
        kept_like = [name for name in wanted if name not in parameters]
        place = {name: i for i, name in enumerate(["g", *kept, *kept_like])}
        return Plan(
            positions=tuple(positions),
            rules=tuple(rules),
            needs=tuple(tuple(place[name] for name in names) for names in asked),
            kept=tuple(parameters.index(name) for name in kept),
            kept_like=tuple(parameters.index(name.removesuffix("_like")) for name in kept_like),
        )


def _detached(x: Any) -> Any:
    """A value or an output without torch's own graph, which a closed-over tensor that requires grad would start."""
    if isinstance(x, Tensor):
        return x.detach() if x.requires_grad else x
    if isinstance(x, (tuple, list)):
        detached = [_detached(part) for part in x]
        return type(x)(*detached) if hasattr(x, "_fields") else type(x)(detached)
    return x
