"""Mistakes in what is differentiated, and in the cotangents and tangents that are given."""

from typing import Any

import torch

import tape
from tape import grad, hvp, jacrev, jvp, vjp
from tests.tape.errors.examples import Case, X


def used_twice() -> Any:
    _, pullback = vjp(torch.sin, X, keep=False)
    return [pullback(X), pullback(X)]


CASES: dict[str, Case] = {
    "gradient of no number": (
        lambda: grad(torch.sin)(X),
        "grad needs a function with a 0-d floating-point result; this one returned a tensor of shape (3,) and"
        " torch.float32; reduce it with sum() or mean(), or use vjp",
    ),
    "gradient of no tensor": (
        lambda: grad(lambda x: [x])(X),
        "grad needs a function that returns a 0-d tensor; this one returned a list",
    ),
    "gradient of an integer": (
        lambda: grad(lambda p: p["n"].sum())({"n": torch.tensor(2)}),
        "argument 0 at n is a tensor of torch.int64, which has no gradient; convert it with .float(), or pass"
        " it as an argument outside argnums",
    ),
    "derivative of a complex tensor": (
        lambda: vjp(torch.sin, X * 1j),
        "primal 0 is a tensor of torch.complex64 and torch.strided; derivatives are of dense real tensors: "
        "pass x.to_dense(), or the real and the imaginary part",
    ),
    "aux that is no pair": (
        lambda: grad(torch.sum, has_aux=True)(X),
        "with has_aux=True the function returns a pair (out, aux), not a tensor of shape ()",
    ),
    "pullback used twice": (
        used_twice,
        "this pullback was made with keep=False and has been used; call vjp with keep=True",
    ),
    "cotangent of another shape": (
        lambda: vjp(torch.sin, X)[1](X[:2]),
        "the cotangent has shape (2,) and torch.float32 on cpu; the output has shape (3,) and torch.float32 on cpu",
    ),
    "cotangent that is no tensor": (
        lambda: vjp(lambda x: {"y": x}, X)[1]({"y": 1.0}),
        "the cotangent of output y is 1.0; it must be a tensor of shape (3,)",
    ),
    "cotangent of another structure": (
        lambda: vjp(lambda x: {"y": x}, X)[1]({"z": X}),
        "the cotangent has another structure than the output: it lacks y and has z besides",
    ),
    "cotangent of an integer": (
        lambda: vjp(torch.argmax, X)[1](torch.tensor(1)),
        "the cotangent is a tensor of shape (); the output is no floating-point tensor, so it must be None",
    ),
    "tangent of another dtype": (
        lambda: jvp(torch.sin, (X,), (X.double(),)),
        "the tangent of primal 0 has shape (3,) and torch.float64 on cpu; the primal has shape (3,) and "
        "torch.float32 on cpu",
    ),
    "hvp of an integer": (
        lambda: hvp(lambda n: n, (torch.tensor(2),), (None,)),
        "hvp: primal 0 is a tensor of torch.int64, which has no gradient; convert it with .float(), or let "
        "the function close over it",
    ),
    "jacobian of an integer": (
        lambda: jacrev(lambda x: {"y": x, "n": x.argmax()})(X),
        "jacrev: the output n is a tensor of torch.int64, which has no derivative; leave it out, or return it"
        " beside the output with has_aux=True",
    ),
    "loss of a microbatch that is no number": (
        lambda: grad(lambda w: tape.microbatch(torch.mul, 2)(w, X))(X[0]),
        "microbatch: the loss returned a tensor of shape (2,); its result must be 0-d",
    ),
}
