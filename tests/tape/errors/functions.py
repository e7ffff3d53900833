"""Mistakes with checkpointed functions, custom derivatives and modules."""

from collections.abc import Callable
from typing import Any

from torch import nn

import tape
from tape import checkpoint, custom_vjp, grad, vjp
from tests.tape.errors.examples import Case, X, tripled


def impure(*results: Callable[[Any, Any], Any]) -> Any:
    """A checkpoint that computes another thing each time."""
    runs = iter(results)
    _, pullback = vjp(lambda x, y: checkpoint(lambda x: next(runs)(x, y))(x), X, X)
    return pullback(X)


def with_rule(fwd: Any, bwd: Any) -> Any:
    times = custom_vjp(tripled)
    times.defvjp(fwd, bwd)
    return grad(lambda x: times(x).sum())(X)


def no_position() -> Any:
    def two(x: Any, y: Any) -> Any:
        return x

    return grad(lambda y: custom_vjp(two, nondiff_argnums=(1,))(X, y).sum())(X)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = self.other = nn.Linear(1, 1)


def nested(depth: int) -> Callable[[Any], Any]:
    return checkpoint(nested(depth - 1)) if depth else tripled


CASES: dict[str, Case] = {
    "checkpoints nested too deep": (
        lambda: grad(lambda x: nested(500)(x).sum())(X),
        "checkpoint of tripled is nested too deep in other checkpoints: checkpoint blocks one after the other, not one "
        "around the other, or allow more by sys.setrecursionlimit",
    ),
    "checkpoint that uses other values": (
        lambda: impure(lambda x, y: x, lambda x, y: x * y),
        "checkpoint of <lambda>: its second run uses a traced value that the first did not; make it pure",
    ),
    "checkpoint that returns another shape": (
        lambda: impure(lambda x, y: x, lambda x, y: x[:2]),
        "checkpoint of <lambda>: its second run returned tensors of other shapes than the first; make it pure",
    ),
    "custom function that closes over a value": (
        lambda: grad(lambda x: custom_vjp(lambda y: y * x)(X).sum())(X),
        "custom_vjp <lambda> uses a traced value that is not among its arguments, whose derivative would be "
        "lost; pass it as an argument",
    ),
    "custom function without a rule": (
        lambda: grad(lambda x: custom_vjp(tripled)(x).sum())(X),
        "custom_vjp tripled has no derivative yet; give it one with .defvjp(fwd, bwd)",
    ),
    "custom fwd that returns no pair": (
        lambda: with_rule(lambda x, by, mode=None: x, lambda kept, g: (g, None)),
        "custom_vjp tripled: fwd must return a pair (out, residuals), not a tensor of shape (3,)",
    ),
    "custom bwd that returns too few": (
        lambda: with_rule(lambda x, by: (x, None), lambda kept, g: (g,)),
        "custom_vjp tripled: bwd must return a tuple of 2, one cotangent for each differentiable argument, "
        "not a tuple of 1",
    ),
    "custom bwd that returns another shape": (
        lambda: with_rule(lambda x, by: (x, None), lambda kept, g: (g[:2], None)),
        "custom_vjp tripled: the cotangent of argument 'x' has shape (2,) and torch.float32 on cpu; the "
        "argument has shape (3,) and torch.float32 on cpu",
    ),
    "traced value among nondiff_argnums": (
        no_position,
        "custom_vjp two: argument 'y' is among nondiff_argnums and holds a traced value, whose derivative "
        "would be lost; take it out of nondiff_argnums, or pass tape.stop_gradient of it",
    ),
    "module without such a parameter": (
        lambda: tape.functional_call(nn.Linear(1, 1), {"wieght": X}, X),
        "functional_call: Linear has no parameter or buffer 'wieght'; it has weight, bias",
    ),
    "module with a tied parameter": (
        lambda: tape.functional_call(Tied(), {"one.bias": X, "other.bias": X + 1}, X),
        "functional_call: 'one.bias' and 'other.bias' are one tensor of the module but have two values here; "
        "give one of them",
    ),
    "recurrent module": (
        lambda: tape.functional_call(nn.LSTM(1, 1), {"bias_hh_l0": X}, X),
        "functional_call: LSTM keeps copies of its parameters, which cannot be exchanged; write the "
        "recurrence as a loop of torch operations",
    ),
}
