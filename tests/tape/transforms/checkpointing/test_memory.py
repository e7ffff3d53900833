"""What a checkpoint keeps, and how much is alive at a time."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import tape
from tape import checkpoint, grad, vjp
from tests.tape.transforms.checkpointing.comparison import block, same_bits


def test_the_tape_keeps_the_arguments_alone() -> None:
    x = torch.zeros(1000)
    plain = tape.trace(lambda x: block(block(x)))(x).residual_bytes
    kept = tape.trace(lambda x: checkpoint(block)(checkpoint(block)(x)))(x)
    assert kept.residual_bytes == 2 * x.nbytes
    assert plain >= 5 * kept.residual_bytes
    assert [step.op for step in kept.steps] == ["checkpoint of block"] * 2


def test_what_is_closed_over_is_kept_and_nothing_else() -> None:
    x, w = torch.zeros(1000), torch.ones(1000)
    program = tape.trace(lambda x, w: checkpoint(lambda x: torch.sin(x * w) * 2)(x))(x, w)
    assert program.residual_bytes == x.nbytes + w.nbytes
    assert program.steps[0].inputs == (0, 1)


def test_second_order_keeps_the_arguments_alone() -> None:
    """At the outer level the sweep of a checkpoint is one checkpoint, too."""
    x = torch.zeros(1000)

    def gradient(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: vjp(f, x)[1](torch.ones(1000))[0]

    plain, kept = (tape.trace(gradient(f))(x).residual_bytes for f in (block, checkpoint(block)))
    assert kept <= 3 * x.nbytes < plain / 2


def most_alive(wrap: Callable[..., Any]) -> int:
    alive: list[weakref.ref[Tensor]] = []
    most = 0

    @tape.primitive
    def watched(x: Any) -> Any:
        nonlocal most
        result = torch.sin(x)
        alive.append(weakref.ref(result))
        most = max(most, sum(ref() is not None for ref in alive))
        return result

    watched.defvjp(x=lambda g, ans: g * ans)

    def ten(x: Any) -> Any:
        for _ in range(10):
            x = watched(x)
        return x

    def hundred(x: Any) -> Any:
        for _ in range(10):
            x = wrap(ten)(x)
        return x.sum()

    gc.collect()
    gc.disable()
    try:
        grad(hundred)(torch.rand(3))
    finally:
        gc.enable()
    return most


def test_less_is_alive_at_a_time() -> None:
    assert most_alive(lambda f: f) == 100
    assert most_alive(checkpoint) <= 24


def test_derivatives_have_the_same_bits(x: Tensor) -> None:
    same_bits(grad(lambda x: checkpoint(block)(x).sum())(x), grad(lambda x: block(x).sum())(x))
    same_bits(checkpoint(block)(x), block(x))


def test_the_first_run_keeps_nothing_and_the_sweep_of_the_second_frees_as_it_goes() -> None:
    results: list[weakref.ref[Tensor]] = []
    first: list[int] = []
    swept: list[int] = []

    def alive() -> int:
        return sum(ref() is not None for ref in results)

    @tape.primitive
    def watched(x: Any) -> Any:
        result = torch.sin(x)
        results.append(weakref.ref(result))
        first.append(alive())
        return result

    def rule(g: Any, ans: Any) -> Any:
        swept.append(alive())
        return g * ans

    watched.defvjp(x=rule)

    def twenty(x: Any) -> Any:
        for _ in range(20):
            x = watched(x)
        return x

    x = torch.ones(3)
    gc.collect()
    gc.disable()
    try:
        _, pullback = vjp(checkpoint(twenty), x, keep=False)
        most = max(first)
        pullback(x)
    finally:
        gc.enable()
    assert most <= 3
    assert swept[0] >= 20
    assert swept[-1] <= 4
