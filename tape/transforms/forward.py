"""Forward mode: the transpose of the recorded pullback.

A pullback is linear in the cotangent that it is given. Recorded as a function of that cotangent, its own pullback
maps tangents of the primals to tangents of the output: there is no rule for forward mode.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from tape import tree
from tape.core.arguments import check_differentiable, named
from tape.core.matching import Expected, is_float, zeros
from tape.core.traced import raw
from tape.errors import TapeError
from tape.transforms.gradients import grad, vjp, vjp_of

__all__ = ["hvp", "jvp", "linearized"]


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Runs `f` on `primals` and returns its output and its derivative in the direction of `tangents`.

    The signature is `jax.jvp`'s and `torch.func.jvp`'s. It costs a few times what `f` does, for any number of
    inputs and outputs, and works wherever `vjp` does.

    Args:
        f: takes pytrees of tensors, returns a pytree of tensors, or with `has_aux` a pair of that and anything.
        primals: a tuple, one pytree of tensors for each argument of `f`.
        tangents: a tuple of exactly the primals' structure, shapes, dtypes and devices, None where a primal is no
            floating-point tensor.

    Returns:
        `(out, tangent_out)`, with `has_aux` `(out, tangent_out, aux)`. `tangent_out` has the structure, shapes and
        dtypes of `out`, None where the output is no floating-point tensor.

    Raises TypeError if primals or tangents are no tuple or list, or for a Python number among the primals;
    TapeError for tangents that do not fit.

    >>> jvp(torch.sin, (torch.tensor([0.0, 1.0]),), (torch.tensor([1.0, 0.0]),))
    (tensor([0.0000, 0.8415]), tensor([1., 0.]))
    """
    primals, tangents, names = _directions("jvp", primals, tangents)
    out, pushforward, aux = linearized(f, primals, names, has_aux)
    tangent_out = pushforward(tangents)
    return (out, tangent_out, aux) if has_aux else (out, tangent_out)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """The product of the Hessian of `f` at `primals` and the vector `tangents`, without the Hessian.

    It is the gradient's pullback at `tangents`: a Hessian is symmetric. It costs a few times what `f` does.

    Args:
        f: takes pytrees of tensors, returns a 0-d floating-point tensor.
        primals: a tuple, one pytree of floating-point tensors for each argument of `f`.
        tangents: a tuple of exactly the primals' structure, shapes, dtypes and devices.

    Returns:
        a tuple like the primals: for each the derivative of its gradient in the direction of all tangents.

    Raises TypeError if primals or tangents are no tuple or list, or for a Python number among the primals;
    TapeError for tangents that do not fit, an integer primal, or an output that is not 0-d.

    >>> hvp(lambda x, y: (x**2 * y).sum(), (torch.tensor(3.0), torch.tensor(5.0)), (torch.ones(()), torch.zeros(())))
    (tensor(10.), tensor(6.))
    """
    primals, tangents, names = _directions("hvp", primals, tangents)
    for i, leaf in enumerate(tree.leaves(primals)):
        if isinstance(leaf, torch.Tensor) and not leaf.is_floating_point():
            raise TapeError(
                f"hvp: {named(names, tree.paths(primals)[i])} is a tensor of {leaf.dtype}, which has no gradient; "
                "convert it with .float(), or let the function close over it"
            )
    products: tuple[Any, ...] = vjp(grad(f, range(len(primals))), *primals, keep=False)[1](tangents)
    return products


def linearized(
    f: Callable[..., Any], primals: tuple[Any, ...], names: tuple[str, ...], has_aux: bool = False
) -> tuple[Any, Callable[[Any], Any], Any]:
    """`f` at `primals`, the linear function that maps tangents of the primals to those of the output, and aux."""
    out, pullback, *aux = vjp_of(f, primals, names, has_aux, keep=False)
    _, transposed = vjp(pullback, tree.map(lambda x: zeros(x) if is_float(x) else None, out))

    def pushforward(tangents: Any) -> Any:
        return transposed(tangents)[0]

    return out, pushforward, aux[0] if aux else None


def _directions(name: str, primals: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[str, ...]]:
    """Primals and tangents as tuples, checked against each other, and the primals' names."""
    for role, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"{name}: {role} must be a tuple with one entry for each argument, not a {type(raw(given)).__name__}"
            )
    primals = tuple(primals)
    names = tuple(f"primal {i}" for i in range(len(primals)))
    check_differentiable(tree.leaves(primals), lambda i: named(names, tree.paths(primals)[i]))
    expected = Expected(primals, "the tangent", "primal", lambda path: named(names, path) if path else "")
    matched = expected.match(tuple(tangents))
    return primals, tree.unflatten(expected.treedef, matched), names
