"""A chain of elementwise operations on a few numbers, where all that is timed is what an operation costs beside its
arithmetic: value and gradient, by tape, recorded and compiled, and by three peers."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Generator, Tensor

import tape
from n2n.bench.peers.contender import wait_for

__all__ = ["NUMBERS", "OPERATIONS", "Chain", "chain", "contenders", "hips_autograd"]

NUMBERS, OPERATIONS = 10, 200


def chain(x: Any, sin: Callable[[Any], Any], tanh: Callable[[Any], Any]) -> Any:
    """The sum of numbers after `OPERATIONS` operations on each, a quarter of every kind."""
    y = x
    for _ in range(OPERATIONS // 4):
        y = sin(y) * x
        y = tanh(y) + x
    return y.sum()


class Chain:
    """A contender: a function that returns the value and the gradient, and where it is taken."""

    def __init__(self, value_and_grad: Callable[[], tuple[Any, Any]], device: torch.device) -> None:
        self._value_and_grad, self._device = value_and_grad, device

    def step(self) -> None:
        self._result = self._value_and_grad()

    def wait(self) -> None:
        wait_for(self._device)

    def result(self) -> tuple[Tensor, Tensor]:
        """The value and the gradient of the last step."""
        value, grad = self._result
        return torch.as_tensor(value), torch.as_tensor(grad)


def contenders(seed: int, device: torch.device) -> dict[str, Chain]:
    """tape, recorded and compiled, torch's autograd and torch.func, on the same numbers."""
    x = numbers(seed).to(device)
    leaf = x.clone().requires_grad_()
    ours = tape.value_and_grad(_torch_chain)
    compiled = tape.compile(ours)
    theirs = torch.func.grad_and_value(_torch_chain)

    def torch_autograd() -> tuple[Tensor, Tensor]:
        value = _torch_chain(leaf)
        (grad,) = torch.autograd.grad(value, leaf)
        return value.detach(), grad

    def torch_func() -> tuple[Tensor, Tensor]:
        grad, value = theirs(x)
        return value, grad

    steps = {
        "tape": lambda: ours(x),
        "tape compiled": lambda: compiled(x),
        "torch autograd": torch_autograd,
        "torch.func": torch_func,
    }
    return {name: Chain(step, device) for name, step in steps.items()}


def hips_autograd(seed: int) -> Chain:
    """The chain by HIPS autograd, which must be installed, on the CPU."""
    numpy = import_module("autograd.numpy")
    value_and_grad = import_module("autograd").value_and_grad(lambda x: chain(x, numpy.sin, numpy.tanh))
    x = numbers(seed).numpy()
    return Chain(lambda: value_and_grad(x), torch.device("cpu"))


def numbers(seed: int) -> Tensor:
    # autograd's own numbers are float64; the arithmetic on ten of them costs nothing in either.
    return torch.rand(NUMBERS, generator=Generator().manual_seed(seed), dtype=torch.float64)


def _torch_chain(x: Tensor) -> Any:
    return chain(x, torch.sin, torch.tanh)
