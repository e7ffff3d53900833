"""A compiled function among others: what it closes over, generators, threads, transformations, its own life."""

import copy
import gc
import os
import pickle
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import TapeError, compile, grad

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def cubed(x: Tensor) -> Tensor:
    return x**3


class TestClosedOver:
    def test_a_tensor_is_read_afresh_at_each_call(self) -> None:
        weight = torch.ones(4)
        f = compile(lambda x: x @ weight.relu())
        for value in (1.0, 2.0, -3.0):
            weight.fill_(value)
            assert f(X).equal(X @ weight.relu())

    def test_another_tensor_of_its_name_is_not_seen(self) -> None:
        held = {"weight": torch.ones(4)}
        f = compile(lambda x: x @ held["weight"])
        first = f(X)
        held["weight"] = torch.zeros(4)
        assert f(X).equal(first)

    def test_a_tensor_that_is_an_argument_too(self) -> None:
        weight = torch.ones(3, 4)
        f = compile(lambda x: x * 2 + weight)
        f(weight)
        assert f(X).equal(X * 2 + weight)

    def test_a_change_of_it_is_carried_out_each_time(self) -> None:
        calls = torch.zeros(())
        f = compile(lambda x: x + calls.add_(1))
        assert [int(f(torch.zeros(()))) for _ in range(3)] == [1, 2, 3]
        assert int(calls) == 3

    def test_what_is_made_out_of_nothing_is_made_once(self) -> None:
        f = compile(lambda x: x + torch.arange(4.0) * torch.tensor(2.0))
        assert f(X).equal(X + torch.arange(4.0) * 2)
        assert f.program(X).steps == 1


class TestGenerators:
    @pytest.mark.parametrize(
        "draw", [lambda g: torch.randn(5, generator=g), lambda g: torch.empty(5).uniform_(generator=g)]
    )
    def test_one_that_is_an_argument_draws_afresh(self, draw: Callable[[Any], Tensor]) -> None:
        f = compile(lambda x, g: x + draw(g))
        one, other = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
        for _ in range(4):
            assert f(torch.zeros(5), one).equal(draw(other))
        assert f(torch.zeros(5), torch.Generator().manual_seed(9)).equal(draw(torch.Generator().manual_seed(9)))

    def test_one_that_is_closed_over_draws_afresh(self) -> None:
        generator, other = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
        f = compile(lambda x: x + torch.rand(5, generator=generator))
        for _ in range(4):
            assert f(torch.zeros(5)).equal(torch.rand(5, generator=other))

    def test_torchs_own_draws_afresh(self) -> None:
        f = compile(lambda x: torch.nn.functional.dropout(x, 0.5))
        torch.manual_seed(0)
        got = [f(torch.ones(50)) for _ in range(3)]
        torch.manual_seed(0)
        assert all(x.equal(torch.nn.functional.dropout(torch.ones(50), 0.5)) for x in got)
        assert not got[0].equal(got[1])


class TestTrouble:
    def test_an_exception_while_noting_leaves_nothing_behind(self) -> None:
        fail = [True]

        def f(x: Tensor) -> Tensor:
            if fail[0]:
                raise KeyError("not yet")
            return x * 2

        compiled = compile(f)
        with pytest.raises(KeyError):
            compiled(X)
        fail[0] = False
        assert compiled(X).equal(X * 2)
        assert compiled(X).equal(X * 2)

    def test_an_exception_while_running_leaves_the_next_call_as_it_is(self) -> None:
        f = compile(lambda x, i: x[i])
        index = torch.tensor([0, 2])
        assert f(X, index).equal(X[index])
        with pytest.raises(IndexError):
            f(X, index + 5)
        assert f(X, index).equal(X[index])

    @pytest.mark.parametrize(
        ("f", "message"),
        [
            (lambda x: x if x.sum() > 0 else -x, "a number is read out of a tensor, or branched on, at"),
            (lambda x: x * x.sum().item(), "a number is read out of a tensor, or branched on, at"),
            (lambda x: x * float(x.sum()), "a number is read out of a tensor, or branched on, at"),
            (lambda x: x if torch.allclose(x, x) else -x, "a number is read out of a tensor, or branched on, at"),
            (lambda x: x.tolist(), "Tensor.tolist reads numbers out of a tensor, at"),
            (lambda x: x.numpy(), "Tensor.numpy reads numbers out of a tensor, at"),
            (lambda x: x.nonzero(), "the shape of what nonzero returns depends on values, at"),
            (lambda x: torch.masked_select(x, x > 0), "the shape of what masked_select returns depends on values, at"),
            (lambda x: x[x > 0], "the shape of what index returns depends on values, at"),
            (lambda x: torch.unique(x), "depends on values, at"),
        ],
    )
    def test_what_is_no_straight_line_is_refused_with_the_line(self, f: Callable[..., Any], message: str) -> None:
        with pytest.raises(TapeError, match=message + r" .*test_surroundings.py:\d+"):
            compile(f)(X)

    def test_a_mask_that_depends_on_no_argument_may_select(self) -> None:
        f = compile(lambda x: (x[:, torch.arange(4) > 1], torch.masked_select(x, torch.eye(3, 4, dtype=torch.bool))))
        for x in (X, X + 1):
            assert f(x)[0].equal(x[:, 2:])
            assert f(x)[1].equal(x.diagonal())

    def test_a_number_of_a_constant_may_be_read(self) -> None:
        f = compile(lambda x: x * torch.tensor([1.0, 2.0]).sum().item())
        assert [f(X).equal(X * 3) for _ in range(2)] == [True, True]

    def test_printing_is_free_and_happens_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        def f(x: Tensor) -> Tensor:
            print(x.sum(0), f"{x.sum():.3f}")
            return x + 1

        compiled = compile(f)
        for _ in range(3):
            assert compiled(X).equal(X + 1)
        assert capsys.readouterr().out.count("tensor(") == 1


class TestTransformations:
    def test_under_a_transformation_the_function_itself_runs(self) -> None:
        f = compile(cubed)
        f(X)
        x = torch.tensor(2.0, dtype=torch.float64)
        assert grad(f)(x) == 12
        assert grad(grad(f))(x) == 12
        assert tape.jvp(f, (x,), (torch.ones_like(x),))[1] == 12
        assert tape.hessian(lambda x: f(x).sum())(X[0]).equal(torch.diag(6 * X[0]))
        assert torch.func.vmap(f)(X).equal(X**3)
        assert tape.trace(f)(X).steps
        assert tape.grad(lambda x: tape.checkpoint(f)(x))(x) == 12

    def test_a_traced_value_that_is_closed_over_keeps_its_derivative(self) -> None:
        def outer(w: Any) -> Any:
            return compile(lambda x: (x * w).sum())(X)

        assert grad(outer)(torch.tensor(2.0)).equal(X.sum())

    def test_transformations_stand_inside(self) -> None:
        f = compile(lambda x: torch.func.vmap(tape.grad(lambda row: (row**3).sum()))(x))
        g = compile(tape.hessian(lambda x: (x**3).sum()))
        h = compile(tape.grad(lambda x: tape.checkpoint(cubed)(x).sum()))
        for x in (X, X + 1):
            torch.testing.assert_close(f(x), 3 * x**2)
            torch.testing.assert_close(g(x[0]), torch.diag(6 * x[0]))
            torch.testing.assert_close(h(x), 3 * x**2)

    def test_compiled_functions_nest(self) -> None:
        inner = compile(cubed)
        outer = compile(lambda x: inner(x) + inner(2 * x))
        for x in (X, X + 1, X):
            assert outer(x).equal(cubed(x) + cubed(2 * x))
        assert inner(X).equal(cubed(X))


class TestItsLife:
    def test_threads_call_at_once(self) -> None:
        f = compile(lambda x: torch.softmax(x @ x.t(), 0).sum(1).sin())
        inputs = [torch.rand(40, 40, generator=torch.Generator().manual_seed(seed)) for seed in range(40)]
        wanted = [f.function(x) for x in inputs]
        with ThreadPoolExecutor(4) as pool:
            for _ in range(5):
                assert all(got.equal(x) for got, x in zip(pool.map(f, inputs), wanted, strict=True))

    def test_threads_may_note_at_once(self) -> None:
        start = threading.Barrier(4)
        f = compile(lambda x: x.exp().sum())

        def first(x: Tensor) -> Tensor:
            start.wait()
            return f(x)

        with ThreadPoolExecutor(4) as pool:
            assert all(y.equal(X.exp().sum()) for y in pool.map(first, [X] * 4))

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
    def test_it_can_be_copied_and_pickled(self, copied: Callable[[Any], Any]) -> None:
        f = compile(cubed)
        f(X)
        assert copied(f)(X).equal(cubed(X))

    def test_a_child_process_goes_on_with_it(self) -> None:
        f = compile(cubed)
        f(X)
        child = os.fork()
        if child == 0:
            os._exit(0 if f(X + 1).equal(cubed(X + 1)) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def test_memory_is_given_back_and_taken_again(self) -> None:
        f = compile(lambda x: (x @ x.t()).sin().sum())
        x = torch.rand(64, 64)
        wanted = f(x)
        assert f.program(x).memory_bytes >= 64 * 64 * 4
        f(x)
        f.release()
        assert not f.program(x)._free
        assert f(x).equal(wanted)

    def test_nothing_stays_when_it_is_gone(self) -> None:
        f = compile(lambda x: x.sin() + 1)
        f(X)
        f(X)
        program = weakref.ref(f.program(X))
        del f
        gc.collect()
        assert program() is None

    def test_a_program_shows_its_operations_and_its_text(self) -> None:
        program = compile(lambda x, y: (x @ y).relu().sum()).program(X, X.t())
        assert program.steps == 3
        assert "aten.mm.default(%0 float32[3, 4], %1 float32[4, 3])" in str(program)
        assert "test_surroundings.py" in str(program)
        assert program.source.startswith("def run(")
        assert "mm(" in program.source
