"""Gradients as functions of functions."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.arguments import Argnums, check_differentiable, named
from tape.core.boundary.reading import Reading, refuse_number
from tape.core.matching import Expected, described, is_float
from tape.core.running import is_stood_in, recording
from tape.core.sweep import sweep
from tape.core.tape import Observer, Tape
from tape.core.traced import Traced, box, raw
from tape.errors import TapeError

__all__ = ["grad", "record", "stop_gradient", "swept_at_once", "value_and_grad", "vjp", "vjp_of"]


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
    chosen = Argnums(argnums)

    def value_and_grad_of_f(*args: Any, **kwargs: Any) -> Any:
        run = _Recording(*chosen.choose(f, args, kwargs), has_aux)
        value = run.out
        if isinstance(raw(value), Tensor):
            if value.shape != () or not value.is_floating_point():
                raise TapeError(
                    f"grad needs a function with a 0-d floating-point result; this one returned a tensor of shape "
                    f"{tuple(value.shape)} and {value.dtype}; reduce it with sum() or mean(), or use vjp"
                )
        elif not isinstance(value, (int, float)):
            raise TapeError(f"grad needs a function that returns a 0-d tensor; this one returned {described(value)}")
        seed = torch.ones((), dtype=value.dtype, device=value.device) if isinstance(raw(value), Tensor) else None
        grads = run.pull([seed], keep=False)
        value = run.result(value)
        return ((value, run.aux) if has_aux else value), chosen.entries(grads)

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
    return vjp_of(f, primals, tuple(f"primal {i}" for i in range(len(primals))), has_aux, keep)


def vjp_of(
    f: Callable[..., Any], primals: tuple[Any, ...], names: tuple[str, ...], has_aux: bool = False, keep: bool = True
) -> Any:
    """`vjp`, with names by which messages call the primals."""
    run = _Recording(f, primals, names, has_aux)
    expected = Expected(run.out, "the cotangent", "output")
    used = False

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        nonlocal used
        if used:
            raise TapeError("this pullback was made with keep=False and has been used; call vjp with keep=True")
        seeds = expected.match(cotangent)
        used = not keep
        return run.pull(seeds, keep)

    out = tree.map(run.result, run.out)
    return (out, pullback, run.aux) if has_aux else (out, pullback)


def stop_gradient(x: Any) -> Any:
    """`x`, a pytree, taken as a constant: its tensors without the derivatives that are being recorded.

    As `jax.lax.stop_gradient`, and for one tensor as its `detach`.

    >>> grad(lambda x: x * stop_gradient(x))(torch.tensor(3.0))
    tensor(3.)
    """
    return tree.map(_constant, x)


def record(f: Callable[..., Any], args: tuple[Any, ...], *watching: Observer) -> Tape:
    """The tape of a call of `f`, shown to observers as it is recorded."""
    return _Recording(f, args, tuple(f"argument {i}" for i in range(len(args))), False, *watching).tape


def swept_at_once(f: Callable[..., Any], primals: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """The value of `f`, which is 0-d, and its gradients in the primals. What recipes would make again is kept: it
    is not kept for long."""
    run = _Recording(f, primals, tuple(f"primal {i}" for i in range(len(primals))), False, remakes=False)
    seed = torch.ones((), dtype=run.out.dtype, device=run.out.device)
    gradients = list(run.pull([seed], keep=False))
    return run.result(run.out), gradients


def _constant(x: Any) -> Any:
    return raw(x).detach() if isinstance(raw(x), Tensor) else x


class _Recording:
    """One recorded call of a function: what came out, and the tape to pull cotangents back through."""

    def __init__(
        self,
        f: Callable[..., Any],
        primals: tuple[Any, ...],
        names: tuple[str, ...],
        has_aux: bool,
        *watching: Observer,
        remakes: bool = True,
    ) -> None:
        self.tape = Tape(*watching, remakes=remakes)
        leaves, self.treedef = tree.flatten(primals)
        check_differentiable(leaves, lambda i: named(names, tree.paths(primals)[i]))
        inputs = [self._input(leaf) for leaf in leaves]
        self.slots = [leaf.slot if own else None for leaf, own in zip(inputs, map(self._owns, inputs), strict=True)]
        self.aux: Any = None
        with recording(self.tape), torch.enable_grad():
            out = f(*tree.unflatten(self.treedef, inputs))
        if has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise TapeError(f"with has_aux=True the function returns a pair (out, aux), not {described(out)}")
            out, aux = out
            self.aux = tree.map(self.result, aux)
        if any(type(leaf) is Reading for leaf in tree.leaves(out)):
            raise refuse_number("the function's result, a number that was read by x.item() or x.tolist(),")
        for leaf in filter(self._owns, tree.leaves(out)):
            leaf.recipe = None  # no step will ask for it, and it would keep what it is made of
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
        if type(value) is Reading:
            return value.settled()
        if type(value) is Traced and value.tape.ended and not is_stood_in(value):
            raise TapeError(
                "the function returned a traced value whose transformation has ended; return it from the function "
                "that is differentiated instead of keeping it"
            )
        if type(value) is Traced and torch.is_grad_enabled():  # an outer level's, unless no_grad() stops it here
            return value
        plain = raw(value)
        return plain.detach().clone() if isinstance(plain, Tensor) else plain

    def _owns(self, leaf: Any) -> bool:
        return type(leaf) is Traced and leaf.tape is self.tape

    def _input(self, leaf: Any) -> Any:
        if not is_float(leaf):
            return leaf
        return box(self.tape, leaf.detach() if leaf.requires_grad else leaf)
