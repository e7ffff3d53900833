"""Every road to the gradient of a function: an edge is tried on each, where that makes a difference."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import checkpoint, grad, hvp, jacfwd, jacrev, jvp, vjp

Derivative = Callable[[Callable[[Any], Any], Tensor], Tensor]


ONE = torch.ones((), dtype=torch.float64)


# The gradient of a function with a 0-d result, by every road to it.
ROADS: dict[str, Derivative] = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: tape.value_and_grad(f)(x)[1],
    "vjp": lambda f, x: (lambda out, pull: pull(torch.ones_like(out))[0])(*vjp(f, x)),
    "jvp": lambda f, x: torch.stack([jvp(f, (x,), (e,))[1] for e in torch.eye(len(x), dtype=x.dtype)]),
    "jacrev": lambda f, x: jacrev(f)(x),
    "jacfwd": lambda f, x: jacfwd(f)(x),
    "hvp": lambda f, x: hvp(lambda x, t: t * f(x), (x, ONE), (torch.zeros_like(x), ONE))[0],
    "checkpoint": lambda f, x: grad(checkpoint(f))(x),
    "microbatch": lambda f, x: grad(tape.microbatch(lambda x, _: f(x), 1))(x, torch.zeros(2)),
}


every_road = pytest.mark.parametrize("derivative", ROADS.values(), ids=ROADS)


def close(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e)
