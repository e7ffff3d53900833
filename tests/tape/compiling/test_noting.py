"""Noting a function costs the memory of the function."""

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from tape import compile


def test_what_the_function_frees_is_freed_while_it_is_noted() -> None:
    freed: list[bool] = []

    def f(x: Tensor) -> Tensor:
        y = x * 2
        memory = StorageWeakRef(y.untyped_storage())
        z = y.sin()
        del y
        freed.append(memory.expired())
        return z.sum()

    compile(f)(torch.rand(100))
    assert freed == [True]


def test_memory_that_comes_back_at_another_place_is_another_tensor() -> None:
    def f(x: Tensor) -> Tensor:
        for i in range(100):
            x = x * 2 - x + i
        return x

    compiled, x = compile(f), torch.rand(1000)
    for _ in range(3):
        assert compiled(x).equal(f(x))
