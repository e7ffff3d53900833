"""Gradients as functions of functions."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.errors import TapeError
from tape.recording import Like, Tape, like, sweep
from tape.traced import Traced, raw

__all__ = ["grad", "record", "stop_gradient", "value_and_grad", "vjp"]


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of `f`, a function with a 0-d result.

    Args:
        f: takes pytrees of tensors and anything else; returns a 0-d floating-point tensor, or with `has_aux`
            a pair of it and anything else.
        argnums: the positional argument to differentiate with respect to, or a sequence of several. Each is a
            pytree of floating-point tensors.
        has_aux: whether `f` returns a pair.

    Returns:
        a function of the same arguments. It returns the gradients: a pytree like the argument, or a tuple of
        them if `argnums` is a sequence; with `has_aux` a pair of them and what else `f` returned. A gradient has
        the shape, dtype and device of its tensor; where `f` does not use that, it is zero.

    Raises TapeError for an integer tensor in a chosen argument, and where the result is not 0-d and floating-point;
    TypeError for a Python number where a tensor is due; ValueError for an argument that the call does not have.
    As `jax.grad`.

    >>> grad(lambda p, x: (p["w"] * x).sum())({"w": torch.tensor([1.0, 2.0])}, torch.tensor([3.0, 4.0]))
    {'w': tensor([3., 4.])}
    >>> grad(grad(lambda x: x**3))(torch.tensor(2.0))
    tensor(12.)
    """
    value_and_grad_of_f = value_and_grad(f, argnums, has_aux)

    def grad_of_f(*args: Any, **kwargs: Any) -> Any:
        value, grads = value_and_grad_of_f(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return grad_of_f


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Like `grad`, for the value and the gradients: `(value, grads)`, with `has_aux` `((value, aux), grads)`.

    As `jax.value_and_grad`, with the arguments and the errors of `grad`.

    >>> value_and_grad(lambda x: (x**2).sum())(torch.tensor([1.0, 2.0]))
    (tensor(5.), tensor([2., 4.]))
    """
    several = not isinstance(argnums, int)
    numbers = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)

    def value_and_grad_of_f(*args: Any, **kwargs: Any) -> Any:
        chosen = _positions(numbers, args)
        names = tuple(f"argument {position}" for position in chosen)
        for position, name in zip(chosen, names, strict=True):
            _refuse_integers(args[position], name)

        def of_chosen(*values: Any) -> Any:
            full = list(args)
            for position, value in zip(chosen, values, strict=True):
                full[position] = value
            return f(*full, **kwargs)

        run = _Recording(of_chosen, tuple(args[position] for position in chosen), names, has_aux)
        value = run.out
        if isinstance(raw(value), Tensor):
            if value.shape != () or not value.is_floating_point():
                raise TapeError(
                    f"grad needs a function with a 0-d floating-point result; this one returned a tensor of shape "
                    f"{tuple(value.shape)} and {value.dtype}; reduce it with sum() or mean(), or use vjp"
                )
        elif not isinstance(value, (int, float)):
            raise TapeError(f"grad needs a function that returns a 0-d tensor; this one returned {_kind(value)}")
        seed = torch.ones((), dtype=value.dtype, device=value.device) if isinstance(raw(value), Tensor) else None
        grads = run.pull([seed], keep=False)
        value = run.result(value)
        return ((value, run.aux) if has_aux else value), (grads if several else grads[0])

    return value_and_grad_of_f


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False, keep: bool = True) -> Any:
    """Runs `f` on `primals` and returns its output and its pullback.

    Args:
        f: takes pytrees of tensors, returns a pytree of tensors, or with `has_aux` a pair of that and anything.
        primals: pytrees of tensors. Integer and boolean tensors have no derivative.
        keep: whether the pullback may be called more than once. If not, it frees what was kept as it goes.

    Returns:
        `(out, pullback)`, with `has_aux` `(out, pullback, aux)`. The pullback takes a cotangent of exactly the
        output's structure, shapes and dtypes, None where the output is no floating-point tensor, and returns a
        tuple: one cotangent for each primal, None at its leaves that are no floating-point tensors.

    Raises TapeError for a complex, sparse, nested or quantized primal, TypeError for a Python number as one; the
    pullback raises TapeError for a cotangent that does not fit, and where `keep` is false, for a second call.
    As `jax.vjp`.

    >>> out, pullback = vjp(torch.sin, torch.tensor([0.0, 1.0]))
    >>> pullback(torch.tensor([1.0, 0.0]))
    (tensor([1., 0.]),)
    """
    run = _Recording(f, primals, tuple(f"primal {i}" for i in range(len(primals))), has_aux)
    leaves, treedef = tree.flatten(run.out)
    paths = tree.paths(run.out)
    kinds = [_Output(path, like(leaf) if _is_float(leaf) else None) for path, leaf in zip(paths, leaves, strict=True)]
    used = False

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        nonlocal used
        if used:
            raise TapeError("this pullback was made with keep=False and has been used; call vjp with keep=True")
        try:
            seeds = tree.flatten_up_to(treedef, cotangent)
        except ValueError:
            raise TapeError(_misfit(run.out, cotangent)) from None
        seeds = [_cotangent(seed, kind) for seed, kind in zip(seeds, kinds, strict=True)]
        used = not keep
        return run.pull(seeds, keep)

    out = tree.unflatten(treedef, [run.result(leaf) for leaf in leaves])
    return (out, pullback, run.aux) if has_aux else (out, pullback)


def stop_gradient(x: Any) -> Any:
    """`x`, a pytree, taken as a constant: its tensors without the derivatives that are being recorded.

    As `jax.lax.stop_gradient`, and for one tensor as its `detach`.

    >>> grad(lambda x: x * stop_gradient(x))(torch.tensor(3.0))
    tensor(3.)
    """
    return tree.map(_constant, x)


def record(f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Tape, list[int]]:
    """The tape of a call of `f`, and the slots of its arguments' floating-point tensors."""
    run = _Recording(f, args, tuple(f"argument {i}" for i in range(len(args))), has_aux=False)
    return run.tape, [slot for slot in run.slots if slot is not None]


def _constant(x: Any) -> Any:
    return raw(x).detach() if isinstance(raw(x), Tensor) else x


class _Recording:
    """One recorded call of a function: what came out, and the tape to pull cotangents back through."""

    def __init__(self, f: Callable[..., Any], primals: tuple[Any, ...], names: tuple[str, ...], has_aux: bool) -> None:
        self.tape = Tape()
        leaves, self.treedef = tree.flatten(primals)

        def path(i: int) -> str:
            return _path(names, tree.paths(primals)[i])

        inputs = [self._input(leaf, partial(path, i)) for i, leaf in enumerate(leaves)]
        self.slots = [leaf.slot if own else None for leaf, own in zip(inputs, map(self._owns, inputs), strict=True)]
        self.aux: Any = None
        try:
            with torch.enable_grad():
                out = f(*tree.unflatten(self.treedef, inputs))
        finally:
            self.tape.ended = True
        if has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise TapeError(f"with has_aux=True the function returns a pair (out, aux), not {_kind(out)}")
            out, aux = out
            self.aux = tree.map(self.result, aux)
        self.out = out

    def pull(self, seeds: Sequence[Any], keep: bool) -> tuple[Any, ...]:
        """The primals' cotangents, given one seed for each leaf of the output."""
        outputs = tree.leaves(self.out)
        pairs = [(leaf.slot, seed) for leaf, seed in zip(outputs, seeds, strict=True) if self._owns(leaf)]
        wanted = [slot for slot in self.slots if slot is not None]
        swept = iter(sweep(self.tape, pairs, wanted, keep))
        cotangents = [None if slot is None else next(swept) for slot in self.slots]
        pulled: tuple[Any, ...] = tree.unflatten(self.treedef, cotangents)
        return pulled

    def result(self, leaf: Any) -> Any:
        """What the function returned as it leaves the transformation: sharing memory with nothing."""
        value = leaf.value if self._owns(leaf) else leaf
        if type(value) is Traced and torch.is_grad_enabled():  # an outer level's, unless no_grad() stops it here
            return value
        plain = raw(value)
        return plain.detach().clone() if isinstance(plain, Tensor) else plain

    def _owns(self, leaf: Any) -> bool:
        return type(leaf) is Traced and leaf.tape is self.tape

    def _input(self, leaf: Any, path: Callable[[], str]) -> Any:
        plain = raw(leaf)
        if not isinstance(plain, Tensor):
            if isinstance(plain, (int, float, complex)) and not isinstance(plain, bool):
                raise TypeError(
                    f"{path()} is the Python number {plain!r}; a derivative needs a tensor: torch.tensor({plain!r})"
                )
            return leaf
        if plain.is_complex() or plain.layout is not torch.strided or plain.is_nested or plain.is_quantized:
            raise TapeError(
                f"{path()} is a tensor of {plain.dtype} and {plain.layout}; derivatives are of dense real tensors"
            )
        if not plain.is_floating_point():
            return leaf
        return self.tape.trace(leaf.detach() if leaf.requires_grad else leaf)


class _Output(NamedTuple):
    path: str
    like: Like | None  # None if it is no floating-point tensor


def _cotangent(seed: Any, output: _Output) -> Any:
    """The cotangent of one output, checked, and without torch's own graph."""
    where = f"the cotangent{' of output ' + output.path if output.path else ''}"
    if output.like is None:
        if seed is not None:
            raise TapeError(f"{where} is {_kind(seed)}; the output is no floating-point tensor, so it must be None")
        return None
    plain = raw(seed)
    if not isinstance(plain, Tensor):
        raise TapeError(f"{where} is {_kind(seed)}; it must be a tensor of shape {tuple(output.like.shape)}")
    if like(plain) != output.like or plain.layout is not torch.strided:
        raise TapeError(f"{where} {_description(plain)}; the output {_description(output.like)}")
    return plain.detach() if plain is seed else seed


def _description(x: Tensor | Like) -> str:
    layout = f", {x.layout}" if isinstance(x, Tensor) and x.layout is not torch.strided else ""
    return f"has shape {tuple(x.shape)} and {x.dtype} on {x.device}{layout}"


def _misfit(output: Any, cotangent: Any) -> str:
    """How the structure of a cotangent differs from the output's."""
    expected, given = tree.paths(output), tree.paths(cotangent)
    lacks = [path for path in expected if path not in given]
    extra = [path for path in given if path not in expected]
    differences = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(extra)} besides"] * bool(extra)
    return "the cotangent has another structure than the output: it " + (
        " and ".join(differences) or f"is {tree.flatten(cotangent)[1]} where the output is {tree.flatten(output)[1]}"
    )


def _positions(numbers: tuple[int, ...], args: tuple[Any, ...]) -> tuple[int, ...]:
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise ValueError(f"argnums {number} is out of range: the function was called with {len(args)} arguments")
    positions = tuple(number % len(args) for number in numbers)
    if len(set(positions)) != len(positions):
        raise ValueError(f"argnums {numbers} names an argument twice")
    return positions


def _refuse_integers(argument: Any, name: str) -> None:
    for i, leaf in enumerate(tree.leaves(argument)):
        if isinstance(leaf, Tensor) and not leaf.is_floating_point() and not leaf.is_complex():
            raise TapeError(
                f"{_dotted(name, tree.paths(argument)[i])} is a tensor of {leaf.dtype}, which has no gradient; convert "
                "it with .float(), or pass it as an argument outside argnums"
            )


def _path(names: tuple[str, ...], path: str) -> str:
    first, _, rest = path.partition(".")
    return _dotted(names[int(first)], rest)


def _dotted(name: str, path: str) -> str:
    return f"{name} at {path}" if path else name


def _is_float(x: Any) -> bool:
    plain = raw(x)
    return isinstance(plain, Tensor) and plain.is_floating_point()


def _kind(x: Any) -> str:
    plain = raw(x)
    if isinstance(plain, Tensor):
        return f"a tensor of shape {tuple(plain.shape)}"
    return "None" if plain is None else f"{plain!r}" if isinstance(plain, (int, float)) else f"a {type(plain).__name__}"
