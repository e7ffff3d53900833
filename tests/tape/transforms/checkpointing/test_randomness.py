"""The second run of a checkpoint draws what the first drew."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import tape
from tape import checkpoint, grad, vjp
from tests.tape.transforms.checkpointing.comparison import same_bits


def noisy(x: Any, generator: torch.Generator | None = None) -> Any:
    return (x * torch.rand(x.shape, generator=generator, dtype=x.dtype)).sum()


def test_a_generator_among_the_arguments_draws_the_same_again(x: Tensor) -> None:
    plain, checkpointed = (torch.Generator().manual_seed(3) for _ in range(2))
    for _ in range(2):
        expected = grad(noisy)(x, plain)
        same_bits(grad(lambda x: checkpoint(noisy)(x, checkpointed))(x), expected)
    assert plain.get_state().equal(checkpointed.get_state())


def test_so_does_the_default_generator(x: Tensor) -> None:
    torch.manual_seed(3)
    expected = grad(lambda x: noisy(x) * noisy(x))(x)
    after = torch.get_rng_state()
    torch.manual_seed(3)
    same_bits(grad(lambda x: checkpoint(noisy)(x) * checkpoint(noisy)(x))(x), expected)
    assert torch.get_rng_state().equal(after)


def test_an_error_in_the_second_run_leaves_the_generator_as_it_was(x: Tensor) -> None:
    generator = torch.Generator().manual_seed(3)
    runs: Iterator[int] = iter(range(2))

    def f(x: Any, generator: torch.Generator) -> Any:
        y = noisy(x, generator)
        if next(runs):
            raise KeyError("mine")
        return y

    out, pullback = vjp(lambda x: checkpoint(f)(x, generator), x)
    after = generator.get_state()
    with pytest.raises(KeyError, match="mine"):
        pullback(torch.ones_like(out))
    assert generator.get_state().equal(after)


def test_so_do_those_of_other_devices(x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, checkpointed = (torch.Generator().manual_seed(3) for _ in range(2))
    expected = grad(lambda x: noisy(x, plain) * noisy(x, plain))(x)
    monkeypatch.setattr(torch.cuda, "default_generators", (checkpointed,))
    drawing = checkpoint(lambda x: noisy(x, checkpointed))
    same_bits(grad(lambda x: drawing(x) * drawing(x))(x), expected)


class Noting(TorchDispatchMode):
    """Sees operations, as what notes a program does."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return operation(*args, **(kwargs or {}))


def test_what_draws_cannot_be_noted_and_anything_else_can(x: Tensor) -> None:
    with Noting():
        with pytest.raises(tape.TapeError, match="a function that draws random numbers cannot be noted"):
            grad(checkpoint(noisy))(x)
        same_bits(grad(checkpoint(torch.sum))(x), torch.ones_like(x))


THREADS_AND_GARBAGE = """
import gc, sys, threading, torch
from tape.transforms.checkpointing import _state

gc.set_threshold(1)
sys.setswitchinterval(1e-6)

def work():
    for _ in range(5000):
        ring = [torch.ones(3)]
        ring.append(ring)
        del ring
        _state(torch.default_generator)

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_do_not_wait_for_ever_where_garbage_is_collected_while_one_reads_a_generator() -> None:
    subprocess.run([sys.executable, "-c", THREADS_AND_GARBAGE], check=True, timeout=120)
