"""Functions with a derivative of their own."""

import inspect
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial, update_wrapper
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar

from tape import tree
from tape.core.arguments import dotted, positions
from tape.core.matching import Expected, described, is_float
from tape.core.one_step import innermost, no_closures, one_step
from tape.core.running import stood_in
from tape.core.traced import Traced
from tape.errors import TapeError

__all__ = ["CustomVjp", "custom_vjp"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def custom_vjp(f: Callable[_P, _R], nondiff_argnums: Sequence[int] = ()) -> "CustomVjp[_P, _R]":
    """A function whose derivative is not worked out but given, with `.defvjp(fwd, bwd)`, as `jax.custom_vjp` does.

    Where nothing is differentiated `f` itself is called. Unlike a primitive's, its arguments and output are
    pytrees of any structure, and what it keeps for the derivative is its own choice. Forward mode works too, as
    the transpose of `bwd`, and second order differentiates what `fwd` and `bwd` are made of: `fwd` calls the custom
    function itself where its rule is to count there, too.

    Args:
        f: takes pytrees of tensors, returns a pytree of tensors. It must be pure, as `fwd` and `bwd` must. Keywords
            are understood by its signature.
        nondiff_argnums: the positional arguments that are no subject of differentiation: functions, numbers,
            names. They may not hold traced values.

    `fwd` takes the arguments of `f` and returns `(out, residuals)`, with any pytree of residuals. `bwd` takes the
    arguments at `nondiff_argnums` in ascending order, the residuals, and the cotangent of the output, a pytree like
    it with None where the output is no floating-point tensor. It returns a tuple with one cotangent for each of the
    other arguments: a pytree of exactly the argument's structure, shapes and dtypes, with None for zeros, in the
    place of the whole or of any leaf. What it returns where the argument is no floating-point tensor is dropped.

    Raises TapeError if `f`, `fwd` or `bwd` use a traced value that is not among the arguments, or if what `fwd` or
    `bwd` return does not fit.

    >>> import tape, torch
    >>> @tape.custom_vjp
    ... def log1pexp(x):
    ...     return torch.log(1 + torch.exp(x))
    >>> log1pexp.defvjp(
    ...     fwd=lambda x: (log1pexp(x), torch.exp(x)),
    ...     bwd=lambda ex, g: (g * (1 - 1 / (1 + ex)),),
    ... )
    >>> tape.grad(log1pexp)(torch.tensor(100.0))
    tensor(1.)
    """
    return CustomVjp(f, nondiff_argnums)


class CustomVjp(Generic[_P, _R]):
    """A function with a derivative of its own; made by `custom_vjp`, whose decorated function it replaces.

    `function` is the one that was decorated. A call that is recorded raises TapeError where `defvjp` has given no
    derivative yet, and for a traced value at `nondiff_argnums`.

    >>> import tape, torch
    >>> @tape.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(fwd=lambda x: (x, None), bwd=lambda _, g: (g.clamp(-1, 1),))
    >>> clipped, tape.grad(lambda x: 5 * clipped(x))(torch.tensor(2.0))
    (<custom_vjp clipped>, tensor(1.))
    """

    def __init__(self, f: Callable[_P, _R], nondiff_argnums: Sequence[int] = ()) -> None:
        update_wrapper(self, f)
        self.function: Callable[..., _R] = f
        self.nondiff_argnums = tuple(nondiff_argnums)
        self.name = f"custom_vjp {getattr(f, '__name__', repr(f))}"
        self.fwd: Callable[..., Any] = partial(_missing, self.name)
        self.bwd: Callable[..., Any] = self.fwd
        self.signature: inspect.Signature | None = None
        with suppress(ValueError):  # torch's own functions have none
            self.signature = inspect.signature(f)

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Gives the derivative; see `custom_vjp`."""
        self.fwd, self.bwd = fwd, bwd

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        arguments = self._positional(args, kwargs)
        static = sorted(positions(self.nondiff_argnums, len(arguments), "nondiff_argnums"))
        for i in static:
            if any(type(leaf) is Traced for leaf in tree.leaves(arguments[i])):
                raise TapeError(
                    f"{self.name}: {self._parameter(i)} is among nondiff_argnums and holds a traced value, whose "
                    "derivative would be lost; take it out of nondiff_argnums, or pass tape.stop_gradient of it"
                )
        leaves, treedef = tree.flatten(arguments)
        leaves = [stood_in(leaf) for leaf in leaves]
        arguments = tree.unflatten(treedef, leaves)
        if innermost(leaves) is None:
            check = no_closures(self.name, leaves)
            out = self.function(*arguments)
            check(out)
            return out
        fwd, bwd = self.fwd, partial(self.bwd, *(arguments[i] for i in static))
        due = self._due(arguments, static)

        def forward(values: list[Any]) -> tuple[Any, Any]:
            check = no_closures(self.name, values)
            pair = fwd(*tree.unflatten(treedef, values))
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise TapeError(f"{self.name}: fwd must return a pair (out, residuals), not {described(pair)}")
            out, residuals = pair
            check(out)
            places, out_treedef = tree.flatten(tree.map(is_float, out))
            return out, (residuals, places, out_treedef)

        def backward(kept: Any, g: list[Any]) -> list[Any]:
            residuals, places, out_treedef = kept
            given = iter(g)
            cotangent = tree.unflatten(out_treedef, [next(given) if floating else None for floating in places])
            pulled = bwd(residuals, cotangent)
            if not (isinstance(pulled, tuple) and len(pulled) == len(due)):
                many = f" of {len(pulled)}" if isinstance(pulled, tuple) else ""
                raise TapeError(
                    f"{self.name}: bwd must return a tuple of {len(due)}, one cotangent for each differentiable "
                    f"argument, not {described(pulled)}{many}"
                )
            completed = [expected.complete(c) for c, (expected, _) in zip(pulled, due, strict=True)]
            mine = [own for _, owned in due for own in owned]
            return [c for c, own in zip(itertools.chain(*completed), mine, strict=True) if own]

        return one_step(self.name, leaves, forward, backward)  # type: ignore[no-any-return]

    def _due(self, arguments: tuple[Any, ...], static: list[int]) -> list[tuple[Expected, list[bool]]]:
        """What `bwd` has to return for each argument, and which of its leaves the innermost level traces."""
        tape = innermost(tree.leaves(arguments))

        def due(i: int) -> Expected:
            named = lambda path: dotted(self._parameter(i), path)
            return Expected(arguments[i], f"{self.name}: the cotangent", "argument", named)

        return [
            (due(i), [type(leaf) is Traced and leaf.tape is tape for leaf in tree.leaves(arguments[i])])
            for i in range(len(arguments))
            if i not in static
        ]

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments of a call, all by position, as `fwd` takes them."""
        if self.signature is None:
            if kwargs:
                raise TypeError(f"{self.name} has no signature that Python knows of; give its arguments by position")
            return args
        bound = self.signature.bind(*args, **kwargs)
        if bound.kwargs:
            raise TypeError(f"{self.name}: the keyword {next(iter(bound.kwargs))!r} has no position; take it as one")
        bound.apply_defaults()
        return bound.args

    def _parameter(self, i: int) -> str:
        """How messages call an argument."""
        names = list(self.signature.parameters) if self.signature is not None else []
        return f"argument {names[i]!r}" if i < len(names) else f"argument {i}"


def _missing(name: str, *_: Any) -> NoReturn:
    raise TapeError(f"{name} has no derivative yet; give it one with .defvjp(fwd, bwd)")
