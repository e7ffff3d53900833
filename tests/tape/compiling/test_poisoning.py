"""No program reads memory that was given away: the results stay the same when it is filled with NaN."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import n2n
import nn
import optim
import tape
from tape import compile, tree
from tape.compiling import Program, poisoned
from tape.compiling.line import Line
from tape.compiling.noting import note
from tape.compiling.planning import Plan
from tape.compiling.simplifying import simplified
from tests.tape.compiling.comparing import identical, notable_programs, pulled_back, second_order

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def assert_nobody_reads(line: Line, leaves: list[Any]) -> None:
    wanted = Program(line, "plain").run(leaves)
    spoilt = Program(poisoned(line), "poisoned")
    for _ in range(2):  # the second run finds all memory spoilt
        assert identical(spoilt.run(leaves), wanted)


def assert_nobody_reads_in(f: Callable[..., Any], *args: Any) -> None:
    assert_nobody_reads(compile(f).program(*args).line, tree.leaves((args, {})))


@pytest.mark.parametrize("seed", range(6))
def test_random_programs(seed: int) -> None:
    for program in notable_programs(2, seed):
        inputs = list(program.inputs.values())
        f = lambda *xs, program=program: list(program(*xs))
        for way in (f, pulled_back(f), second_order(f)):
            line, _ = note(lambda leaves, way=way: way(*leaves), inputs)
            for version in (line, simplified(line)):
                assert_nobody_reads(version, inputs)


@pytest.mark.parametrize("name", ["net1", "net2", "net3", "net4", "stride1", "unet", "residual", "guided"])
def test_training_steps_of_networks(name: str) -> None:
    network, optimizer = n2n.network(name), optim.adam(1e-2)
    params, _ = network.init(Generator().manual_seed(0), (3, 32, 32))
    images = torch.rand(2, 1, 3, 32, 32, generator=Generator().manual_seed(1))

    def step(params: Any, state: Any, x: Tensor, y: Tensor) -> Any:
        loss, grads = tape.value_and_grad(lambda p: nn.mse_loss(network.apply(p, x), y))(params)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, loss

    assert_nobody_reads_in(step, params, optimizer.init(params), *images)


LAYERS = {
    "attention": lambda x: torch.softmax(x @ x.mT, -1) @ x,
    "pooling": lambda x: torch.nn.functional.pad(x, (1, 2)).unfold(-1, 2, 1).amax(-1),
    "sorting": lambda x: x.sort(-1).values.cumsum(-1),
    "whole numbers": lambda x: x.gather(-1, x.argsort(-1)) + (x > 0).to(torch.int64).sum(-1, keepdim=True),
    "changes in place": lambda x: x.clone().mul_(2)[1:].add_(x[1:]).sin(),
    "complex": lambda x: torch.fft.ifft(torch.fft.fft(x) * 2).real + 1,
}


@pytest.mark.parametrize("f", LAYERS.values(), ids=LAYERS)
def test_operations_of_many_kinds(f: Callable[[Tensor], Tensor]) -> None:
    assert_nobody_reads_in(f, X)


def test_the_plan_is_that_of_the_program_itself() -> None:
    program = compile(lambda x: (x @ x.t()).sin().exp().sum(0)).program(torch.rand(20, 20))
    assert program.plans
    assert Program(poisoned(program.line), "poisoned").plans == program.plans


def test_all_that_dies_is_filled_and_nothing_else() -> None:
    line = (
        compile(lambda x: (x.gather(1, x.argsort()), (x > 0).any(), (x @ x).tan().sum())).program(torch.rand(4, 4)).line
    )
    filled = [operation.args for operation in poisoned(line).operations if operation.source is None]
    made = {view.buffer for operation in line.operations for view in operation.made}
    results = {view.buffer for view in tree.leaves(line.result)}
    assert {view.buffer for view, _ in filled} == made - results
    values = {view.dtype: value for view, value in filled}
    assert values[torch.int64] == 2**63 - 1
    assert values[torch.bool] is True
    assert values[torch.float32] != values[torch.float32]


def test_a_reader_of_memory_that_was_given_away_is_found() -> None:
    x = torch.rand(20, 20)
    line = compile(lambda x: (x @ x, (x @ x.t()).exp().sum(0) @ x)).program(x).line
    spoilt = Program(poisoned(line), "poisoned")
    found = dict(spoilt.plans)
    places = {buffer: 0 for plan in found.values() for buffer in plan.places}  # all in one place
    vars(spoilt)["plans"] = {device: Plan(places, plan.bytes) for device, plan in found.items()}
    assert any(y.isnan().any() for y in spoilt.run([x]))
