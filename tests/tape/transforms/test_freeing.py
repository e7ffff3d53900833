"""What a sweep frees as it goes, and a chain too long to recurse along."""

import gc
import weakref
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, vjp
from tape.transforms.gradients import swept_at_once


@pytest.mark.parametrize("run", ["grad", "keep=False", "swept at once"])
def test_residuals_are_freed_in_the_sweep(run: str) -> None:
    alive: list[weakref.ref[Tensor]] = []
    seen: list[int] = []

    @tape.primitive
    def watched(x: Any) -> Any:
        residual = torch.sin(x)
        alive.append(weakref.ref(residual))
        return residual

    def rule(g: Any, ans: Any) -> Any:
        seen.append(sum(ref() is not None for ref in alive))
        return g * ans

    watched.defvjp(x=rule)

    def f(x: Any) -> Any:
        for _ in range(20):
            x = watched(x)
        return x.sum()

    gc.collect()
    gc.disable()
    try:
        x = torch.rand(3)
        if run == "grad":
            grad(f)(x)
        elif run == "swept at once":
            swept_at_once(f, (x,))
        else:
            out, pullback = vjp(f, x, keep=False)
            pullback(torch.ones_like(out))
    finally:
        gc.enable()
    assert seen[0] == 20
    assert all(later <= earlier for earlier, later in pairwise(seen))
    assert seen[-1] <= 3
    assert not any(ref() is not None for ref in alive)


@pytest.mark.parametrize("moved", [lambda x: x.t().contiguous(), lambda x: x.t().reshape(-1)])
def test_what_moved_numbers_were_moved_from_is_not_kept_for_the_result(moved: Any) -> None:
    alive: list[weakref.ref[Tensor]] = []

    def f(x: Any) -> Any:
        y = torch.sin(x)
        alive.append(weakref.ref(y.value))
        return moved(y)

    out, pullback = vjp(f, torch.rand(4, 3), keep=False)
    pullback(torch.ones_like(out))
    assert alive[0]() is None


def test_cotangents_are_freed_in_the_sweep() -> None:
    alive: list[weakref.ref[Tensor]] = []
    most = 0

    @tape.primitive
    def step(x: Any) -> Any:
        return x + 1

    def rule(g: Any) -> Any:
        nonlocal most
        cotangent = g * 2
        alive.append(weakref.ref(cotangent))
        most = max(most, sum(ref() is not None for ref in alive))
        return cotangent

    step.defvjp(x=rule)

    def f(x: Any) -> Any:
        for _ in range(20):
            x = step(x)
        return x

    _, pullback = vjp(f, torch.ones(3))
    pullback(torch.ones(3))
    assert len(alive) == 20
    assert most <= 3


@pytest.mark.parametrize("times", [3, {"all": 3}], ids=["by the call that is written out", "by the general call"])
def test_what_is_swept_at_once_is_kept_and_not_made_again(times: Any) -> None:
    runs: list[Any] = []

    @tape.primitive
    def repeated(x: Any, times: Any) -> Any:
        runs.append(times)
        return x.repeat(3)

    repeated.defvjp(x=lambda g: g.reshape(3, -1).sum(0))
    repeated.keep_recipe()

    def f(x: Any) -> Any:
        return torch.sin(repeated(x, times)).sum()

    grad(f)(torch.ones(2))
    assert runs == [times, times]
    runs.clear()
    swept_at_once(f, (torch.ones(2),))
    assert runs == [times]


def test_a_chain_of_ten_thousand_operations() -> None:
    def f(x: Any) -> Any:
        for _ in range(10_000):
            x = x * 1.0001
        return x

    x = torch.tensor(1.0, dtype=torch.float64)
    torch.testing.assert_close(grad(f)(x), torch.tensor(1.0001**10_000, dtype=torch.float64))
