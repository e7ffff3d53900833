"""The registry of the engine's own primitives: each stands here with the domain that verifies it."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from tape import tree
from tape.core.domain import Case, Domain, Real
from tape.core.implementing import implements
from tape.core.primitive import Primitive
from tape.errors import TapeError

__all__ = ["op", "registry"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

# Each primitive of the engine, by its name, and its domain.
registry: dict[str, tuple[Primitive[..., Any], Domain]] = {}


def op(domain: Domain | Case, *torch_functions: Any) -> Callable[[Callable[_P, _R]], Primitive[_P, _R]]:
    """Makes a function a primitive, registers it with its domain, and lets it stand in for torch functions.

    Raises TapeError without a domain, for a name that is taken, and where the domain keeps away from kinks or ties
    without saying which derivative holds there.
    """
    cases = (domain,) if isinstance(domain, Case) else domain
    if not isinstance(cases, tuple) or not cases or not all(isinstance(case, Case) for case in cases):
        raise TapeError(f"a registered primitive needs a domain, one or more cases; got {domain!r}")
    specs = [spec for case in cases for spec in tree.leaves((case.args, case.options)) if isinstance(spec, Real)]
    undeclared = any(spec.kinks or spec.distinct for spec in specs) and not any(case.conventions for case in cases)

    def define(function: Callable[_P, _R]) -> Primitive[_P, _R]:
        primitive = Primitive(function)
        if primitive.name in registry:
            raise TapeError(f"a primitive of the name {primitive.name!r} is registered already")
        if undeclared:
            raise TapeError(
                f"{primitive.name}: its domain keeps away from kinks or ties (kinks=, distinct=True), so declare the "
                "derivative at one of them: case(...).at(<arguments>, gives=<derivative>)"
            )
        registry[primitive.name] = (primitive, cases)
        implements(*torch_functions)(primitive.call)
        return primitive

    return define
