"""What a primitive is: a function, how its arguments bind, its rules, and what they need."""

import inspect
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from tape.core.tape import Plan
from tape.core.traced import like
from tape.errors import TapeError

__all__ = ["Definition"]


class Definition:
    """A function with its rules. How arguments bind, and what is done when some of them are traced, is worked out
    once.

    Raises TapeError for a parameter `*args` or `**kwargs`, and for one that is named `g` or `ans`.
    """

    call: Callable[..., Any]  # records the call where an argument is traced

    def __init__(self, function: Callable[..., Any]) -> None:
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

    def label(self, position: int) -> str:
        """How messages name an argument."""
        return f"{self.name} for its argument {self.positional[position]!r}"

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
