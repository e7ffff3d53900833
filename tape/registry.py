"""The registry of the engine's own primitives: each stands here with the domain that verifies it."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from tape.domain import Case, Domain
from tape.errors import TapeError
from tape.primitive import Primitive
from tape.traced import implements

__all__ = ["op", "registry"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

registry: dict[str, tuple[Primitive[..., Any], Domain]] = {}


def op(domain: Domain | Case, *torch_functions: Any) -> Callable[[Callable[_P, _R]], Primitive[_P, _R]]:
    """Makes a function a primitive, registers it with its domain, and lets it stand in for torch functions."""
    cases = (domain,) if isinstance(domain, Case) else domain
    if not isinstance(cases, tuple) or not cases or not all(isinstance(case, Case) for case in cases):
        raise TapeError(f"a registered primitive needs a domain, one or more cases; got {domain!r}")

    def define(function: Callable[_P, _R]) -> Primitive[_P, _R]:
        primitive = Primitive(function)
        if primitive.name in registry:
            raise TapeError(f"a primitive of the name {primitive.name!r} is registered already")
        registry[primitive.name] = (primitive, cases)
        implements(*torch_functions)(primitive.call)
        return primitive

    return define
