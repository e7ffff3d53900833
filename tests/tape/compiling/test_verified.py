"""Compiled gives what not compiled gives: every primitive over its domain, random programs, layers, optimizers."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from torch import Generator, Tensor

import n2n
import nn
import optim
import tape
from tape import TapeError, compile, tree
from tape.core.registry import registry
from tape.verify.drawing import Call, calls
from tests.tape.compiling.comparing import identical, pulled_back, random_programs, second_order

# A few that are drawn the same each time: one call shows how an operation is written.
few = settings(
    max_examples=4,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", sorted(registry))
def test_every_primitive_its_pullback_and_second_order(name: str) -> None:
    primitive, domain = registry[name]

    @few
    @given(calls(domain))
    def compare(call: Call) -> None:
        leaves, treedef = tree.flatten(call.args)
        places = [i for i, x in enumerate(leaves) if isinstance(x, Tensor)]

        def f(*tensors: Any) -> list[Any]:
            filled = list(leaves)
            for place, x in zip(places, tensors, strict=True):
                filled[place] = x
            return tree.leaves(primitive(*tree.unflatten(treedef, filled), **call.kwargs))

        mixed = any(isinstance(x, Tensor) and x.is_floating_point() for x in call.kwargs.values())
        for dtype in (torch.float64,) if mixed else (torch.float64, torch.float32):
            tensors = [leaves[i].to(dtype) if leaves[i].is_floating_point() else leaves[i] for i in places]
            for way in (f, pulled_back(f), second_order(f)):
                with by_values() if name in BY_VALUES else nullcontext():
                    _compare(way, tensors)

    compare()


# In some of their calls a mask or a 0-d tensor is an index, or a tensor says how often something is repeated.
BY_VALUES = {"index", "put", "repeat_interleave"}


@contextmanager
def by_values() -> Iterator[None]:
    """Lets what is no straight line be refused for being none, and for nothing else."""
    try:
        yield
    except TapeError as error:
        if "depends on values" not in str(error) and "a number is read out of a tensor" not in str(error):
            raise


def _compare(f: Any, tensors: list[Tensor]) -> None:
    compiled = compile(f)
    first = compiled(*tensors)
    assert identical(first, f(*tensors))
    for _ in range(2):
        assert identical(compiled(*tensors), first)
    elsewhere = [x.expand(2, *x.shape)[1].clone() if x.ndim else x.clone() for x in tensors]
    assert identical(compiled(*elsewhere), first)


@pytest.mark.parametrize("seed", range(8))
def test_random_programs(seed: int) -> None:
    for program in random_programs(3, seed):
        inputs = list(program.inputs.values())
        with by_values() if BY_VALUES & {step.op for step in program.steps} else nullcontext():
            _compare(lambda *xs, program=program: list(program(*xs)), inputs)
            _compare(pulled_back(lambda *xs, program=program: list(program(*xs))), inputs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype: torch.dtype) -> None:
    def f(x: Any, w: Any) -> Any:
        return (torch.softmax(x @ w, -1) * 0.1 + torch.nn.functional.gelu(x).sum(-1, keepdim=True)).mean()

    x = torch.rand(3, 4, generator=Generator().manual_seed(0)).to(dtype)
    w = torch.rand(4, 5, generator=Generator().manual_seed(1)).to(dtype)
    _compare(tape.value_and_grad(f, (0, 1)), [x, w])


@pytest.mark.parametrize("name", ["net1", "net2", "net3", "net4", "stride1", "unet", "residual", "guided"])
def test_networks(name: str) -> None:
    network = n2n.network(name)
    side = 32
    params, _ = network.init(Generator().manual_seed(0), (3, side, side))
    images = torch.rand(2, 2, 3, side, side, generator=Generator().manual_seed(1))
    f = tape.value_and_grad(lambda params, x, y: nn.mse_loss(network.apply(params, x), y))
    compiled = compile(f)
    for _ in range(2):
        torch.testing.assert_close(compiled(params, *images), f(params, *images))


OPTIMIZERS = {
    "adam": optim.adam(1e-2),
    "adamw": optim.adamw(1e-2, weight_decay=0.1),
    "sgd": optim.sgd(1e-2),
    "nesterov": optim.sgd(1e-2, momentum=0.9, nesterov=True),
    "clipped": optim.chain(optim.clip_by_global_norm(0.1), optim.adam(1e-2)),
    "scheduled": optim.adam(optim.cosine(1e-2, 10)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_ten_steps_of_each_optimizer(optimizer: optim.Optimizer) -> None:
    def step(params: Any, state: Any, x: Tensor) -> Any:
        loss, grads = tape.value_and_grad(lambda p: torch.tanh(x @ p["w"] + p["b"]).square().sum())(params)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, loss

    generator = Generator().manual_seed(0)
    params = {"w": torch.rand(4, 3, generator=generator), "b": torch.rand(3, generator=generator)}
    mine = theirs = (params, optimizer.init(params))
    compiled = compile(step)
    for _ in range(10):
        x = torch.rand(5, 4, generator=generator)
        *mine, loss = compiled(*mine, x)
        *theirs, wanted = step(*theirs, x)
        torch.testing.assert_close((mine, loss), (theirs, wanted), rtol=1e-5, atol=1e-7)
