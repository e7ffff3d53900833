"""Python's own control flow in a function that is differentiated: branches, loops, generators, exceptions, threads."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import vmap

import tape
from tape import TapeError, checkpoint, grad
from tests.tape.edges.roads import ROADS, Derivative, close, every_road


@every_road
def test_data_dependent_control_flow(derivative: Derivative, x: Tensor) -> None:
    def f(x: Any) -> Any:
        total = x.sum() * 0
        for entry in x:
            if entry > 2.5:
                total = total + entry**2
            elif int(entry) == 2:
                total = total + x[int(x.argmax())]
        while total < 20:
            total = total * 2
        return total + x[x > 1.5].sum()

    close(derivative(f, x), torch.tensor([0.0, 1.0, 15.0], dtype=torch.float64))


def test_data_dependent_control_flow_under_vmap_is_refused_by_torch(x: Tensor) -> None:
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        vmap(grad(lambda x: x.sum() if x.sum() > 0 else -x.sum()))(torch.stack([x, -x]))
    close(vmap(grad(lambda x: torch.where(x.sum() > 0, x, -x).sum()))(torch.stack([x, -x]))[1], -torch.ones_like(x))


@every_road
def test_a_chain_of_ten_thousand_operations(derivative: Derivative) -> None:
    def f(x: Any) -> Any:
        for _ in range(10_000):
            x = x * 1.0001
        return x.sum()

    x = torch.ones(1, dtype=torch.float64)
    close(derivative(f, x), torch.full_like(x, 1.0001**10_000))


def test_python_generators(x: Tensor) -> None:
    def rows(x: Any) -> Iterator[Any]:
        for i, entry in enumerate(x):
            yield entry * i

    close(grad(lambda x: sum(rows(x)))(x), torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64))
    suspended: list[Iterator[Any]] = []
    grad(lambda x: (suspended.append(rows(x)), next(suspended[0]))[1])(x)
    with pytest.raises(TapeError, match="has ended"):
        next(suspended[0])


@every_road
def test_an_exception_inside_a_function(derivative: Derivative, x: Tensor) -> None:
    class Mine(Exception):
        pass

    def failing(x: Any) -> Any:
        torch.sin(x)
        raise Mine("message")

    for f in (failing, lambda x: derivative(failing, x).sum(), lambda x: x.sum() + checkpoint(failing)(x)):
        with pytest.raises(Mine, match=r"^message$"):
            derivative(f, x)
    assert torch.is_grad_enabled()
    assert not tape.core.running.running()
    assert not tape.core.running.stand_ins()
    close(derivative(lambda x: (x * x).sum(), x), 2 * x)


def test_several_threads_at_once() -> None:
    start = threading.Barrier(4)

    def work(seed: int) -> None:
        x = torch.rand(3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        start.wait()
        for derivative in list(ROADS.values()) * 2:
            close(derivative(lambda x: checkpoint(lambda: (x**3).sum())(), x), 3 * x**2)
            inner = partial(derivative, lambda y: (y**3).sum())
            close(derivative(lambda x, inner=inner: (x * inner(x)).sum(), x), 9 * x**2)

    # The transformations themselves, one of which takes vmap, whose state is torch's own and per thread.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))  # raises what a thread has raised
