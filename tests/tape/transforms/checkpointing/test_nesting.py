"""checkpoint changes no value and no derivative, in whatever nesting."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import tape
from tape import checkpoint, grad, hessian, jacrev, jvp, vjp
from tests.tape.transforms.checkpointing.comparison import close

# A drawn program: nested blocks, each a checkpoint, a derivative, or plain. Every block reads what stands around it,
# so that it closes over values of all the levels outside.
programs = st.recursive(
    st.sampled_from(["sin", "times", "tanh", "outside"]),
    lambda inner: st.tuples(
        st.sampled_from(["checkpoint", "with argument", "custom", "grad", "jvp", "jacobian", "plain"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


def by_hand(f: Callable[..., Any]) -> Any:
    """With a derivative of its own, which is the right one."""
    custom = tape.custom_vjp(f)
    custom.defvjp(lambda *args: (f(*args), args), lambda args, g: vjp(f, *args)[1](g))
    return custom


def run(program: Any, y: Any, outside: list[Any], wrap: Callable[..., Any]) -> Any:
    if program == "sin":
        return torch.sin(y)
    if program == "tanh":
        return torch.tanh(y + 0.5)
    if program == "times":
        return y * outside[0]
    if program == "outside":
        return outside[len(outside) // 2] * 0.75 + y
    kind, parts = program

    def body(z: Any, y: Any = y, *around: Any) -> Any:
        for part in parts:
            z = run(part, z, [*(around or outside), y, z], wrap)
        return z

    if kind == "checkpoint":
        return wrap(lambda: body(y))()
    if kind == "with argument":
        return wrap(body)(y)
    if kind == "custom":
        return (by_hand(body) if wrap is checkpoint else body)(y, y, *outside)
    if kind == "jacobian":
        return jacrev(body)(y).sum(0)
    if kind == "grad":
        return grad(lambda z: (body(z) * outside[-1]).sum())(y)
    if kind == "jvp":
        return jvp(body, (y,), (outside[-1],))[1]
    return body(y)


def differentiated(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: sum((part * a).sum() for part in grad(f, (0, 1))(a, b))


@given(program=programs, order=st.integers(1, 3))
@example(program=("jvp", [("checkpoint", ["outside"]), "sin"]), order=1)
@example(program=("custom", [("checkpoint", ["outside"]), "sin"]), order=1)
def test_values_and_derivatives_of_any_nesting_are_the_same(program: Any, order: int) -> None:
    a = torch.tensor([0.3, -0.7], dtype=torch.float64)
    b = torch.tensor([0.9, 0.4], dtype=torch.float64)

    def of(wrap: Callable[..., Any]) -> Any:
        f: Callable[..., Any] = lambda a, b: run(("checkpoint", [program]), a * b, [a, b], wrap).sum()
        for _ in range(order):
            f = differentiated(f)
        return f(a, b), hessian(f, (0, 1))(a, b) if order < 2 else f(b, a)

    close(of(checkpoint), of(lambda f: f))


def test_a_function_without_end_is_told_so_by_python() -> None:
    def endless(x: Any) -> Any:
        return endless(x)

    with pytest.raises(RecursionError):
        grad(checkpoint(endless))(torch.ones(2))


def test_checkpoints_nested_too_deep_are_told_so() -> None:
    f: Callable[..., Any] = torch.sum
    for _ in range(500):
        f = checkpoint(f)
    with pytest.raises(tape.TapeError, match="checkpoint of sum is nested too deep in other checkpoints"):
        grad(f)(torch.ones(2))
