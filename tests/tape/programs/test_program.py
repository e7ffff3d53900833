"""A recorded program runs again, exactly."""

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import nn
import tape
from tape.core.registry import registry
from tape.verify.drawing import calls
from tape.verify.fuzz.drawing import Deck, draw_program


def assert_same_bits(actual: Any, expected: Any) -> None:
    leaves, structure = tape.tree.flatten(actual)
    expected_leaves, expected_structure = tape.tree.flatten(expected)
    assert structure == expected_structure
    for a, e in zip(leaves, expected_leaves, strict=True):
        if isinstance(a, Tensor):
            assert a.dtype == e.dtype
            assert a.shape == e.shape
            assert torch.equal(a.nan_to_num(7), e.nan_to_num(7))
        else:
            assert a == e


@pytest.mark.parametrize("name", sorted(registry))
def test_every_primitive_replays_on_other_numbers(name: str) -> None:
    primitive, domain = registry[name]

    @settings(max_examples=5)
    @given(st.data())
    def replays(data: Any) -> None:
        call = data.draw(calls(domain, torch.float32))

        def f(*args: Any) -> Any:
            return primitive(*args, **call.kwargs)

        def moved(x: Any) -> Any:
            return x * 0.9 if isinstance(x, Tensor) and x.is_floating_point() else x

        floats = [i for i, x in enumerate(call.args) if any(isinstance(leaf, Tensor) for leaf in tape.tree.leaves(x))]
        inputs = [call.args[i] for i in floats]

        def of_tensors(*inputs: Any) -> Any:
            args = list(call.args)
            for i, x in zip(floats, inputs, strict=True):
                args[i] = x
            return f(*args)

        others = tape.tree.map(moved, inputs)
        assert_same_bits(tape.trace(of_tensors)(*inputs)(*others), tape.vjp(of_tensors, *others)[0])

    replays()


@given(st.integers(0, 2**31), st.integers(1, 40))
def test_drawn_programs_replay_on_other_numbers(seed: int, length: int) -> None:
    random = Random(seed)
    drawn = draw_program(random, Deck(random), length)
    inputs = list(drawn.inputs.values())
    others = [x * 0.97 for x in inputs]
    program = tape.trace(drawn)(*inputs)
    assert_same_bits(program(*others), tape.vjp(drawn, *others)[0])
    assert_same_bits(program(*inputs), drawn(*inputs))


def energy(params: Any, x: Any) -> Any:
    y = F.leaky_relu(x @ params["w"] + params["b"], 0.1)
    mask = (y > 0) & (y < 2)
    return (torch.where(mask, y.softmax(-1), tape.stop_gradient(y) * y) ** 2).mean()


def arguments(seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    params = {"w": torch.randn(3, 4, generator=generator), "b": torch.randn(4, generator=generator)}
    return params, torch.randn(5, 3, generator=generator)


@given(st.integers(0, 1000))
def test_gradients_replay(seed: int) -> None:
    gradient = tape.grad(energy)
    assert_same_bits(tape.trace(gradient)(*arguments(1))(*arguments(seed)), gradient(*arguments(seed)))


@given(st.integers(0, 1000))
def test_the_replay_has_the_same_derivatives(seed: int) -> None:
    program = tape.trace(energy)(*arguments(1))
    assert_same_bits(tape.grad(program)(*arguments(seed)), tape.grad(energy)(*arguments(seed)))


def network(w: Any, x: Any) -> Any:
    y = F.max_pool2d(torch.relu(nn.conv2d(x, w, padding=1)), 2)
    return y, {"places": y.flatten(1).argmax(1), "largest": y.amax((1, 2, 3)), "sizes": y.shape}


@given(st.integers(0, 1000))
def test_a_network_with_several_outputs_replays(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = ((torch.randn(4, 3, 3, 3, generator=generator), torch.randn(2, 3, 8, 8)) for _ in range(2))
    assert_same_bits(tape.trace(network)(*first)(*second), tape.vjp(network, *second)[0])


@tape.tree.register_dataclass
@dataclass
class Pair:
    first: Any
    second: Any


def test_pytrees_go_in_and_out() -> None:
    program = tape.trace(lambda pair: Pair([pair.second.sin()], (pair.first, 3, None)))(
        Pair(torch.ones(2), torch.ones(3))
    )
    again = program(Pair(torch.zeros(2), torch.full((3,), 2.0)))
    assert_same_bits(again, Pair([torch.full((3,), 2.0).sin()], (torch.zeros(2), 3, None)))


def test_a_tensor_that_is_passed_twice_is_two_inputs() -> None:
    x = torch.tensor([1.0, 2.0])
    program = tape.trace(torch.mul)(x, x)
    assert_same_bits(program(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])), torch.tensor([3.0, 8.0]))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * torch.sort(x).indices,
        lambda x: x * (x.detach().mT @ x.detach()).sum(),
        lambda x: x[x.argmax(0), torch.arange(3)],
        lambda x: x * torch.zeros_like(x) + torch.ones(3, 3).mul(tape.stop_gradient(x)).clone(),
        lambda x: torch.topk(x, 2)[0] * torch.topk(x, 2)[1],
        lambda x: x * torch.stack([(x > 0), ~(x > 0)]).float()[0],
        lambda x: torch.gt(x, 0),
        lambda x: x * torch.full_like(x, 2.0) + x.new_tensor([1.0]) * x.detach().T,
        lambda x: tape.vjp(torch.sin, x.detach())[1](torch.ones(3, 3))[0] * x,
    ],
)
def test_what_depends_on_the_inputs_without_a_derivative_replays(f: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(3, 3, generator=generator), torch.randn(3, 3, generator=generator)
    assert_same_bits(tape.trace(f)(first)(second), tape.vjp(f, second)[0])


def test_random_numbers_are_as_they_were_recorded() -> None:
    program = tape.trace(lambda x: (x * torch.rand_like(x), torch.rand(3)))(torch.ones(3))
    dropped = tape.trace(lambda x: x * torch.bernoulli(x.detach()))(torch.full((100,), 0.5))
    before = torch.get_rng_state()
    scaled, drawn = program(torch.ones(3))
    assert_same_bits(program(torch.full((3,), 2.0)), (2 * scaled, drawn))
    assert dropped(torch.ones(100)).unique().tolist() == [0, 1]
    assert torch.equal(torch.get_rng_state(), before)


def test_results_share_memory_with_nothing() -> None:
    constant = torch.zeros(2)
    program = tape.trace(lambda x: (x, x.reshape(2, 1), constant))(torch.ones(2))
    x = torch.ones(2)
    for result in program(x):
        result.add_(1)
    assert_same_bits(program(x), (torch.ones(2), torch.ones(2, 1), torch.zeros(2)))


def test_a_change_in_place_that_depends_on_the_inputs_is_refused() -> None:
    def f(x: Any) -> Any:
        marks = torch.zeros(3)
        marks[x > 0] = 1.0
        return x * marks

    program = tape.trace(f)(torch.tensor([1.0, -1.0, 2.0]))
    with pytest.raises(tape.TapeError, match=r"setitem changes in place a tensor .* marks\[x > 0\] = 1.0"):
        program(torch.ones(3))


def test_a_change_in_place_of_a_view_is_noticed() -> None:
    def f(x: Any) -> Any:
        marks = torch.zeros(3)
        marks[1:].add_(x.detach()[1:])
        return x * marks

    with pytest.raises(tape.TapeError, match="add changes in place"):
        tape.trace(f)(torch.ones(3))(torch.ones(3))


def test_a_change_in_place_that_does_not_matter_is_none() -> None:
    def f(x: Any) -> Any:
        x.detach().clone().add_(1)
        return x * 2

    assert_same_bits(tape.trace(f)(torch.ones(3))(torch.zeros(3)), torch.zeros(3))


def test_a_constant_that_was_changed_since_is_noticed() -> None:
    weight = torch.ones(3)
    program = tape.trace(lambda x: x * weight)(torch.ones(3))
    weight.add_(1)
    with pytest.raises(tape.TapeError, match="constant that multiply uses was changed in place"):
        program(torch.ones(3))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((torch.ones(3), torch.tensor([0, 1]), "xx"), "argument 0 was %0 float32\\[2\\] when the program was traced"),
        ((torch.ones(2).double(), torch.tensor([0, 1]), "xx"), "argument 0 was %0 float32\\[2\\]"),
        ((2.0, torch.tensor([0, 1]), "xx"), "argument 0 was %0 float32\\[2\\]"),
        ((torch.ones(2), torch.tensor([0, 0]), "xx"), "argument 1 is a constant of the program"),
        ((torch.ones(2), torch.tensor([0, 1]), "xxx"), "argument 2 is a constant of the program"),
        ((torch.ones(2), torch.tensor([0, 1])), "was traced with arguments .* and got"),
    ],
)
def test_other_arguments_than_it_was_traced_for_are_refused(args: Any, message: str) -> None:
    program = tape.trace(lambda x, index, power: x[index] ** len(power))(torch.ones(2), torch.tensor([0, 1]), "xx")
    assert_same_bits(program(torch.full((2,), 3.0), torch.tensor([0, 1]), "xx"), torch.full((2,), 9.0))
    with pytest.raises(tape.TapeError, match=message):
        program(*args)
