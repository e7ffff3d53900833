"""What depends on some arguments alone is a program of its own, and the two together do what the one did."""

from typing import Any

import pytest
import torch
from torch import Tensor

import n2n
import nn
import tape
from tape import compile, tree
from tape.compiling.hoisting import hoisted
from tape.compiling.line import Line, buffers_in
from tape.compiling.noting import note
from tape.compiling.running import Program
from tape.compiling.simplifying import simplified
from tests.tape.compiling.comparing import identical, pulled_back, random_programs

W, X = torch.linspace(-1, 1, 12).reshape(3, 4), torch.linspace(0, 2, 12).reshape(3, 4)


def halves(f: Any, staying: list[int], *args: Any) -> tuple[Line, Line]:
    return hoisted(note(lambda leaves: f(*leaves), args)[0], staying, len(args))


def together(pair: tuple[Line, Line], args: list[Any]) -> list[Tensor]:
    first, second = (Program(simplified(half), "test") for half in pair)
    shared = first.run(args)
    second.run([*args, *shared])  # a second run finds what the first has left in memory
    return second.run([*args, *shared])


def ops(line: Line) -> list[str]:
    return [str(operation.op).split(".")[1] for operation in line.operations]


@pytest.mark.parametrize("seed", range(8))
def test_both_halves_do_what_the_whole_does(seed: int) -> None:
    for program in random_programs(2, seed):
        if "index" in [step.op for step in program.steps]:  # may be a tensor of one whole number, which torch reads
            continue
        inputs = list(program.inputs.values())
        f = pulled_back(lambda *xs, program=program: list(program(*xs)))
        line, _ = note(lambda leaves, f=f: f(*leaves), inputs)
        for staying in ([], [0], list(range(len(inputs)))):
            pair = hoisted(line, staying, len(inputs))
            wanted = Program(line, "whole").run(inputs)
            assert identical(together(pair, inputs), wanted)


def test_the_first_half_reads_what_stays_and_no_more() -> None:
    first, second = halves(lambda w, x: (w.exp() + 1) * x.cos(), [0], W, X)
    assert ops(first) == ["exp", "add"]
    assert ops(second) == ["cos", "mul"]
    assert len(first.result) == 1  # what only the first half needs is not handed over
    arguments = {first.buffers[b].argument for o in first.operations for b in buffers_in(o.args)}
    assert 1 not in arguments


def test_what_is_changed_later_stays_with_its_changes() -> None:
    def f(w: Tensor, x: Tensor) -> Tensor:
        total = w.exp()
        total += x
        return total

    first, second = halves(f, [0], W, X)
    assert ops(first) == []
    assert first.result == []
    assert identical(together((first, second), [W, X]), [f(W, X)])


def test_what_is_drawn_is_drawn_by_each_run() -> None:
    first, second = halves(lambda w, x: w.exp() * torch.rand_like(w) * x, [0], W, X)
    assert ops(first) == ["exp"]
    assert not identical(together((first, second), [W, X]), together((first, second), [W, X]))


def test_a_copy_of_an_argument_is_not_handed_over() -> None:
    first, _ = halves(lambda w, x: w.clone() @ x.t(), [0], W, X)
    assert first.result == []


@pytest.mark.parametrize("view", [lambda y: y.t(), lambda y: y[1:], lambda y: y.expand(2, 3, 4)])
def test_views_of_what_is_handed_over_are_right(view: Any) -> None:
    def f(w: Tensor, x: Tensor) -> Tensor:
        return view(w.exp()) * x.sum()

    pair = halves(f, [0], W, X)
    assert ops(pair[0]) == ["exp"]
    assert identical(together(pair, [W, X]), [f(W, X)])


def test_conjugates_and_parts_of_a_buffer() -> None:
    def f(w: Tensor, x: Tensor) -> list[Tensor]:
        z = torch.complex(w, w.cos()).conj()
        return [z.imag * x, z.abs() + x]

    assert identical(together(halves(f, [0], W, X), [W, X]), f(W, X))


def test_a_result_that_stays_belongs_to_the_caller() -> None:
    with_w = compile(lambda w, x: (w.exp(), w * x, w)).prepared([0], W, X)
    one = with_w(W, X)
    for result in one:
        result.zero_()
    assert identical(list(with_w(W, X)), [W.exp(), W * X, W])


def test_prepared_calls_see_new_tensors_where_none_was_said_to_stay() -> None:
    scale = torch.ones(())
    f = compile(lambda w, x: w.exp() * x * scale)
    with_w = f.prepared([0], W, X)
    assert with_w(W, X + 1).equal(f(W, X + 1))
    scale.fill_(2.0)
    assert with_w(W, X).equal(W.exp() * X * 2.0)


def test_what_is_prepared_is_a_constant_of_the_level_that_runs() -> None:
    def f(p: Tensor) -> Any:
        return p * compile(torch.mul).prepared([0], W, X)(W, X).sum()

    assert tape.grad(f)(torch.tensor(1.0)).item() == pytest.approx((W * X).sum().item(), rel=1e-5)


def test_released_memory_is_taken_again() -> None:
    f = compile(lambda w, x: (w.exp() * x).cumsum(0))
    with_w = f.prepared([0], W, X)
    wanted = with_w(W, X)
    f.release()
    assert with_w(W, X).equal(wanted)


def test_the_kernels_of_a_network_are_transformed_once_for_all_microbatches() -> None:
    network = n2n.network("stride1")
    params, _ = network.init(torch.Generator().manual_seed(0), (3, 16, 16))
    batch = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    leaves, treedef = tree.flatten((params, *batch))

    def swept(leaves: list[Any]) -> Any:
        return tape.value_and_grad(lambda p, x, y: nn.mse_loss(network.apply(p, x), y))(
            *tree.unflatten(treedef, leaves)
        )

    line = note(swept, leaves)[0]
    first, second = (simplified(half) for half in hoisted(line, list(range(len(leaves) - 2)), len(leaves)))
    # Of its layers two are wide enough for Winograd's filtering; each kernel is read forwards and backwards.
    assert ops(first).count("mm") == 4
    assert ops(first).count("mm") + ops(second).count("mm") == ops(simplified(line)).count("mm")


def test_what_depends_on_the_batch_alone_is_computed_for_each_microbatch() -> None:
    def loss(w: Tensor, x: Tensor) -> Tensor:
        return (x.square() @ w.exp()).mean()

    w, x = torch.linspace(-1, 1, 4), torch.arange(28.0).reshape(7, 4) / 10
    for threads in (1, 2):
        value, grad = tape.value_and_grad(tape.microbatch(compile(loss), 2, threads=threads))(w, x)
        wanted, wanted_grad = tape.value_and_grad(loss)(w, x)
        torch.testing.assert_close(value, wanted)
        torch.testing.assert_close(grad, wanted_grad)
