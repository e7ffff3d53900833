"""Jacobians: a row for each number of the output, or a column for each number of the input."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from tape import tree
from tape.core.arguments import Argnums
from tape.core.matching import described, is_float
from tape.core.traced import Traced
from tape.errors import TapeError
from tape.transforms.forward import linearized
from tape.transforms.gradients import vjp_of

__all__ = ["hessian", "jacfwd", "jacrev"]


def jacrev(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, *, chunk_size: int | None = None
) -> Callable[..., Any]:
    """The function that gives the Jacobian of `f`, row by row: the pullback of each number of the output.

    To be preferred to `jacfwd` where the output has fewer numbers than the arguments. All rows are worked out at
    once, by `torch.func.vmap`; where an outer transformation records too, one after the other.

    Args:
        f: takes pytrees of tensors and anything else; returns a pytree of floating-point tensors, or with
            `has_aux` a pair of that and anything else.
        argnums: the positional argument to differentiate with respect to, or a sequence of several. Each is a
            pytree of floating-point tensors.
        has_aux: whether `f` returns a pair.
        chunk_size: how many rows are worked out at once, so that memory is needed for so many; all of them if
            None.

    Returns:
        a function of the same arguments. It returns a pytree like the output, and in the place of each of its
        tensors a pytree like the argument, or a tuple of them if `argnums` is a sequence: this is how
        `torch.func.jacrev` nests. The leaf for an output of shape `s` and an input of shape `t` has shape `s + t`
        and the input's dtype. With `has_aux` it returns a pair of that and what else `f` returned.

    Raises TapeError for an integer argument among `argnums`, or an output that is no floating-point tensor; ValueError
    for a `chunk_size` that is no positive integer.

    >>> jacrev(lambda x: x**2)(torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    chosen = Argnums(argnums)
    if chunk_size is not None and (type(chunk_size) is not int or chunk_size < 1):
        raise ValueError(f"jacrev: chunk_size is {chunk_size!r}; it must be a positive number of rows, or None for all")

    def jacobian(*args: Any, **kwargs: Any) -> Any:
        of_chosen, values, names = chosen.choose(f, args, kwargs)
        out, pullback, *aux = vjp_of(of_chosen, values, names, has_aux)
        outputs, out_treedef = _outputs("jacrev", out)
        inputs, in_treedef = tree.flatten(values)

        def row(cotangents: Sequence[Any]) -> list[Any]:
            pulled = pullback(tree.unflatten(out_treedef, cotangents))
            return [leaf for leaf in tree.leaves(pulled) if leaf is not None]

        stacks = iter(_mapped(row, outputs, 0, chunk_size))
        columns = [next(stacks) if is_float(leaf) else None for leaf in inputs]

        def block(start: int, stop: int, shape: Sequence[int]) -> Any:
            cut = [None if x is None else _own(x[start:stop].reshape((*shape, *x.shape[1:]))) for x in columns]
            return chosen.entries(tree.unflatten(in_treedef, cut))

        blocks = [block(start, stop, to.shape) for (start, stop), to in zip(_ranges(outputs), outputs, strict=True)]
        result = tree.unflatten(out_treedef, blocks)
        return (result, aux[0]) if has_aux else result

    return jacobian


def jacfwd(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Like `jacrev`, column by column: the derivative in the direction of each number of the arguments.

    To be preferred where the arguments have fewer numbers than the output. The leaf for an output and an input has
    the output's dtype.

    >>> jacfwd(lambda x: torch.stack([x.sum(), x.prod()]))(torch.tensor([2.0, 3.0]))
    tensor([[1., 1.],
            [3., 2.]])
    """
    chosen = Argnums(argnums)

    def jacobian(*args: Any, **kwargs: Any) -> Any:
        of_chosen, values, names = chosen.choose(f, args, kwargs)
        out, pushforward, aux = linearized(of_chosen, values, names, has_aux)
        _, out_treedef = _outputs("jacfwd", out)
        leaves, in_treedef = tree.flatten(values)
        inputs = [leaf for leaf in leaves if is_float(leaf)]

        def column(tangents: Sequence[Any]) -> list[Any]:
            given = iter(tangents)
            filled = [next(given) if is_float(leaf) else None for leaf in leaves]
            return tree.leaves(pushforward(tree.unflatten(in_treedef, filled)))

        rows = _mapped(column, inputs, -1)

        def block(x: Any) -> Any:
            ranges = zip(_ranges(inputs), inputs, strict=True)
            cut: list[Any] = []
            for leaf in leaves:
                if not is_float(leaf):
                    cut.append(None)
                    continue
                (start, stop), to = next(ranges)
                cut.append(_own(x[..., start:stop].reshape((*x.shape[:-1], *to.shape))))
            return chosen.entries(tree.unflatten(in_treedef, cut))

        result = tree.unflatten(out_treedef, map(block, rows))
        return (result, aux) if has_aux else result

    return jacobian


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the second derivatives of `f`: `jacfwd(jacrev(f))`, which nests as `torch.func.hessian`.

    For a function with a 0-d result of a tensor of shape `t` it gives a tensor of shape `t + t`. Arguments and
    errors are those of `jacrev`.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(torch.tensor([3.0, 5.0]))
    tensor([[10.,  6.],
            [ 6.,  0.]])
    """
    return jacfwd(jacrev(f, argnums, has_aux), argnums, has_aux)


def _outputs(name: str, out: Any) -> tuple[list[Any], Any]:
    leaves, treedef = tree.flatten(out)
    for i, leaf in enumerate(leaves):
        if not is_float(leaf):
            path = tree.paths(out)[i]
            kind = f"a tensor of {leaf.dtype}" if isinstance(leaf, Tensor) else described(leaf)
            raise TapeError(
                f"{name}: the output{' ' + path if path else ''} is {kind}, which has no derivative; leave it out, or "
                "return it beside the output with has_aux=True"
            )
    return leaves, treedef


def _mapped(
    linear: Callable[[Sequence[Any]], list[Any]],
    basis_of: list[Tensor],
    dim: int,
    chunk_size: int | None = None,
) -> list[Any]:
    """A linear function at every vector of a basis, its results stacked along a dimension."""
    count = sum(to.shape.numel() for to in basis_of)
    first = linear([vectors[0] for vectors in _basis(basis_of, 0, 1)])
    if count > 1 and not any(type(x) is Traced for x in first):
        size = chunk_size or count
        parts = [vmap(linear)(_basis(basis_of, i, min(i + size, count))) for i in range(0, count, size)]
        return [
            torch.cat(each).movedim(0, dim) if len(each) > 1 else each[0].movedim(0, dim)
            for each in zip(*parts, strict=True)
        ]
    # A traced value cannot leave vmap.
    rest = (linear([vectors[0] for vectors in _basis(basis_of, i, i + 1)]) for i in range(1, count))
    return [torch.stack(list(each), dim) for each in zip(first, *rest, strict=True)]


def _basis(likes: list[Tensor], begin: int, end: int) -> list[Tensor]:
    """Some of the unit vectors of a list of tensors: for each tensor a stack of what it is in all of them."""
    vectors = []
    for (start, stop), to in zip(_ranges(likes), likes, strict=True):
        places = torch.arange(start, stop, device=to.device) == torch.arange(begin, end, device=to.device).unsqueeze(1)
        vectors.append(places.to(to.dtype).reshape((end - begin, *to.shape)))
    return vectors


def _ranges(likes: list[Tensor]) -> list[tuple[int, int]]:
    """Where the numbers of each tensor stand when all are written one after the other."""
    ranges = []
    start = 0
    for to in likes:
        ranges.append((start, start + to.shape.numel()))
        start += to.shape.numel()
    return ranges


def _own(x: Any) -> Any:
    """What leaves the transformation shares memory with no other result."""
    return x if type(x) is Traced else x.clone(memory_format=torch.contiguous_format)
