"""Threads that differentiate at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from tape import grad
from tests.tape.transforms.comparison import same


def test_threads_do_not_disturb_each_other() -> None:
    start = threading.Barrier(4)

    def work(seed: int) -> None:
        x = torch.rand(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        start.wait()
        for _ in range(50):
            same(grad(lambda x: (x * grad(lambda y: (x * y * y).sum())(x)).sum())(x), 6 * x**2)
            assert list(grad(lambda p: (p["z"] * p["a"]).sum())({"z": x, "a": x})) == ["z", "a"]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))  # raises what a thread has raised


def test_a_thread_may_use_a_traced_value_of_another(x: Tensor) -> None:
    def f(x: Any) -> Any:
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(grad(lambda y: (x * y * y).sum())(x).sum()))
        thread.start()
        thread.join()
        return results[0]

    same(grad(f)(x), 4 * x)
