"""checkpoint changes how much memory a function needs, and nothing else."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tape
from tape import checkpoint, grad, hessian, jacrev, jvp, vjp


def same_bits(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        assert torch.equal(a, e), (a, e)


def close(actual: Any, expected: Any) -> None:
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e, rtol=1e-10, atol=1e-10)


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([0.5, -0.25, 1.5], dtype=torch.float64)


def block(x: Any) -> Any:
    return torch.sin(torch.tanh(x) * 2) * torch.exp(-x * x)


# A drawn program: nested blocks, each a checkpoint, a derivative, or plain. Every block reads what stands around it,
# so that it closes over values of all the levels outside.
programs = st.recursive(
    st.sampled_from(["sin", "times", "tanh", "outside"]),
    lambda inner: st.tuples(
        st.sampled_from(["checkpoint", "with argument", "custom", "grad", "jvp", "jacobian", "plain"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


def by_hand(f: Callable[..., Any]) -> Any:
    """With a derivative of its own, which is the right one."""
    custom = tape.custom_vjp(f)
    custom.defvjp(lambda *args: (f(*args), args), lambda args, g: vjp(f, *args)[1](g))
    return custom


def run(program: Any, y: Any, outside: list[Any], wrap: Callable[..., Any]) -> Any:
    if program == "sin":
        return torch.sin(y)
    if program == "tanh":
        return torch.tanh(y + 0.5)
    if program == "times":
        return y * outside[0]
    if program == "outside":
        return outside[len(outside) // 2] * 0.75 + y
    kind, parts = program

    def body(z: Any, y: Any = y, *around: Any) -> Any:
        for part in parts:
            z = run(part, z, [*(around or outside), y, z], wrap)
        return z

    if kind == "checkpoint":
        return wrap(lambda: body(y))()
    if kind == "with argument":
        return wrap(body)(y)
    if kind == "custom":
        return (by_hand(body) if wrap is checkpoint else body)(y, y, *outside)
    if kind == "jacobian":
        return jacrev(body)(y).sum(0)
    if kind == "grad":
        return grad(lambda z: (body(z) * outside[-1]).sum())(y)
    if kind == "jvp":
        return jvp(body, (y,), (outside[-1],))[1]
    return body(y)


def differentiated(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: sum((part * a).sum() for part in grad(f, (0, 1))(a, b))


@given(program=programs, order=st.integers(1, 3))
def test_values_and_derivatives_of_any_nesting_are_the_same(program: Any, order: int) -> None:
    a = torch.tensor([0.3, -0.7], dtype=torch.float64)
    b = torch.tensor([0.9, 0.4], dtype=torch.float64)

    def of(wrap: Callable[..., Any]) -> Any:
        f: Callable[..., Any] = lambda a, b: run(("checkpoint", [program]), a * b, [a, b], wrap).sum()
        for _ in range(order):
            f = differentiated(f)
        return f(a, b), hessian(f, (0, 1))(a, b) if order < 2 else f(b, a)

    close(of(checkpoint), of(lambda f: f))


class TestMemory:
    def test_the_tape_keeps_the_arguments_alone(self) -> None:
        x = torch.zeros(1000)
        plain = tape.trace(lambda x: block(block(x)))(x).residual_bytes
        kept = tape.trace(lambda x: checkpoint(block)(checkpoint(block)(x)))(x)
        assert kept.residual_bytes == 2 * x.nbytes
        assert plain >= 5 * kept.residual_bytes
        assert [step.op for step in kept.steps] == ["checkpoint of block"] * 2

    def test_what_is_closed_over_is_kept_and_nothing_else(self) -> None:
        x, w = torch.zeros(1000), torch.ones(1000)
        program = tape.trace(lambda x, w: checkpoint(lambda x: torch.sin(x * w) * 2)(x))(x, w)
        assert program.residual_bytes == x.nbytes + w.nbytes
        assert program.steps[0].inputs == (0, 1)

    def test_second_order_keeps_the_arguments_alone(self) -> None:
        """At the outer level the sweep of a checkpoint is one checkpoint, too."""
        x = torch.zeros(1000)

        def gradient(f: Callable[..., Any]) -> Callable[..., Any]:
            return lambda x: vjp(f, x)[1](torch.ones(1000))[0]

        plain, kept = (tape.trace(gradient(f))(x).residual_bytes for f in (block, checkpoint(block)))
        assert kept <= 3 * x.nbytes < plain / 2

    @staticmethod
    def most_alive(wrap: Callable[..., Any]) -> int:
        alive: list[weakref.ref[Tensor]] = []
        most = 0

        @tape.primitive
        def watched(x: Any) -> Any:
            nonlocal most
            result = torch.sin(x)
            alive.append(weakref.ref(result))
            most = max(most, sum(ref() is not None for ref in alive))
            return result

        watched.defvjp(x=lambda g, ans: g * ans)

        def ten(x: Any) -> Any:
            for _ in range(10):
                x = watched(x)
            return x

        def hundred(x: Any) -> Any:
            for _ in range(10):
                x = wrap(ten)(x)
            return x.sum()

        gc.collect()
        gc.disable()
        try:
            grad(hundred)(torch.rand(3))
        finally:
            gc.enable()
        return most

    def test_less_is_alive_at_a_time(self) -> None:
        assert self.most_alive(lambda f: f) == 100
        assert self.most_alive(checkpoint) <= 24

    def test_derivatives_have_the_same_bits(self, x: Tensor) -> None:
        same_bits(grad(lambda x: checkpoint(block)(x).sum())(x), grad(lambda x: block(x).sum())(x))
        same_bits(checkpoint(block)(x), block(x))


class TestArguments:
    def test_pytrees_keywords_and_anything_else(self, x: Tensor) -> None:
        def f(p: Any, times: int, *rest: Any, add: Any = None, name: str = "") -> Any:
            assert name == "f"
            return {"y": p["w"] * times + add, "count": times, "whole": p["w"].argmax(), "none": None, "in": p["w"]}

        def of(f: Callable[..., Any]) -> Any:
            out, pullback = vjp(lambda w, a: f({"w": w}, 2, None, add=a, name="f"), x, x + 1)
            return out, pullback({"y": x, "count": None, "whole": None, "none": None, "in": x + 2})

        (out, cotangents), (expected, expected_cotangents) = of(checkpoint(f)), of(f)
        assert out.pop("count") == expected.pop("count") == 2
        same_bits((out, cotangents), (expected, expected_cotangents))

    def test_a_closed_over_value_may_be_returned_as_it_is(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            first, second = checkpoint(lambda: (x, [x * 2]))()
            return (first * second[0]).sum()

        same_bits(grad(f)(x), 4 * x)

    def test_one_value_as_two_arguments(self, x: Tensor) -> None:
        same_bits(grad(lambda x: checkpoint(lambda a, b: (a * b).sum())(x, x))(x), 2 * x)

    def test_values_of_several_levels(self, x: Tensor) -> None:
        def of(wrap: Callable[..., Any]) -> Any:
            return grad(lambda w: grad(lambda x: (wrap(lambda: torch.sin(x * w) * w)()).sum())(x * 1.0).square().sum())(
                x
            )

        same_bits(of(checkpoint), of(lambda f: f))

    def test_a_value_of_an_ended_level_is_refused(self, x: Tensor) -> None:
        kept: list[Any] = []
        grad(lambda x: (kept.append(x), x.sum())[1])(x)
        for use in (
            lambda: checkpoint(torch.sin)(kept[0]),
            lambda: grad(lambda y: checkpoint(lambda: kept[0] * y)().sum())(x),
        ):
            with pytest.raises(tape.TapeError, match="has ended"):
                use()

    def test_nothing_traced_is_nothing_special(self, x: Tensor) -> None:
        assert type(checkpoint(block)(x)) is Tensor
        assert checkpoint(block).__name__ == "block"

    def test_without_grad_mode_it_is_a_constant(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            with torch.no_grad():
                constant = checkpoint(block)(x)
            return (constant * x).sum()

        same_bits(grad(f)(x), block(x))

    def test_no_grad_inside_stops_gradients(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            with torch.no_grad():
                constant = x * 3
            return (constant * x).sum()

        same_bits(grad(checkpoint(f))(x), 3 * x)
        same_bits(grad(lambda x: checkpoint(lambda: f(x))())(x), 3 * x)

    def test_a_function_that_uses_nothing_traced(self, x: Tensor) -> None:
        same_bits(grad(lambda y: (checkpoint(block)(x) * y).sum())(x), block(x))

    def test_with_microbatch_inside_and_outside(self, x: Tensor) -> None:
        rows = torch.rand(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        loss = lambda w, rows: torch.sin(rows * w).mean()
        expected = grad(loss)(x, rows)
        close(grad(lambda w: checkpoint(lambda: tape.microbatch(loss, 2)(w, rows))())(x), expected)
        close(grad(tape.microbatch(checkpoint(loss), 2, threads=2))(x, rows), expected)

    def test_under_vmap(self, x: Tensor) -> None:
        batch = torch.stack([x, x + 1])
        f = grad(lambda x: checkpoint(block)(x).sum())
        close(torch.func.vmap(f)(batch), torch.stack([f(row) for row in batch]))


class TestRandomness:
    @staticmethod
    def noisy(x: Any, generator: torch.Generator | None = None) -> Any:
        return (x * torch.rand(x.shape, generator=generator, dtype=x.dtype)).sum()

    def test_a_generator_among_the_arguments_draws_the_same_again(self, x: Tensor) -> None:
        plain, checkpointed = (torch.Generator().manual_seed(3) for _ in range(2))
        for _ in range(2):
            expected = grad(self.noisy)(x, plain)
            same_bits(grad(lambda x: checkpoint(self.noisy)(x, checkpointed))(x), expected)
        assert plain.get_state().equal(checkpointed.get_state())

    def test_so_does_the_default_generator(self, x: Tensor) -> None:
        torch.manual_seed(3)
        expected = grad(lambda x: self.noisy(x) * self.noisy(x))(x)
        after = torch.get_rng_state()
        torch.manual_seed(3)
        same_bits(grad(lambda x: checkpoint(self.noisy)(x) * checkpoint(self.noisy)(x))(x), expected)
        assert torch.get_rng_state().equal(after)

    def test_an_error_in_the_second_run_leaves_the_generator_as_it_was(self, x: Tensor) -> None:
        generator = torch.Generator().manual_seed(3)
        runs: Iterator[int] = iter(range(2))

        def f(x: Any, generator: torch.Generator) -> Any:
            y = self.noisy(x, generator)
            if next(runs):
                raise KeyError("mine")
            return y

        out, pullback = vjp(lambda x: checkpoint(f)(x, generator), x)
        after = generator.get_state()
        with pytest.raises(KeyError, match="mine"):
            pullback(torch.ones_like(out))
        assert generator.get_state().equal(after)


class TestImpureFunctions:
    def test_what_it_keeps_has_ended(self, x: Tensor) -> None:
        kept: list[Any] = []
        f = checkpoint(lambda x: (kept.append(x * x), x * 2)[1])
        for wrapped in (f, lambda x: checkpoint(lambda: f(x))()):
            for use in (lambda: kept[-1].sum() * 2, lambda: kept[-1]):
                with pytest.raises(tape.TapeError, match="has ended"):
                    grad(lambda x, use=use, wrapped=wrapped: wrapped(x).sum() * use())(x)

    @pytest.mark.parametrize(
        "change",
        [lambda x: x.add_(1), lambda x: x.__setitem__(0, 1.0), lambda x: torch.relu_(x), lambda x: x[0].zero_()],
    )
    def test_changes_in_place_are_refused_at_once(self, change: Callable[[Any], Any], x: Tensor) -> None:
        for f in (checkpoint(change), lambda x: checkpoint(lambda: change(x))()):
            before = x.clone()
            with pytest.raises(tape.TapeError, match="in place"):
                vjp(f, x)
            same_bits(x, before)

    def test_other_shapes_in_the_second_run(self, x: Tensor) -> None:
        runs: Iterator[int] = iter(range(2, 4))
        _, pullback = vjp(checkpoint(lambda x: x[: next(runs)]), x)
        with pytest.raises(tape.TapeError, match="second run returned tensors of other shapes"):
            pullback(x[:2])

    def test_other_values_in_the_second_run(self, x: Tensor) -> None:
        runs: Iterator[int] = iter(range(2))
        _, pullback = vjp(lambda x, w: checkpoint(lambda x: x * (w if next(runs) else 2))(x), x, x)
        with pytest.raises(tape.TapeError, match="second run uses a traced value that the first did not"):
            pullback(x)

    def test_an_argument_that_was_changed_in_place_is_noticed(self, x: Tensor) -> None:
        _, pullback = vjp(checkpoint(block), x)
        x.add_(1)
        with pytest.raises(tape.TapeError, match=r"checkpoint of block .* in place"):
            pullback(x)

    @pytest.mark.parametrize("level", [1, 2])
    def test_an_exception_leaves_the_engine_usable(self, level: int, x: Tensor) -> None:
        def failing(x: Any) -> Any:
            raise KeyError("mine")

        f: Callable[..., Any] = lambda x: checkpoint(lambda: failing(x))()
        for _ in range(level):
            f = grad(f)
        with pytest.raises(KeyError, match="mine"):
            f(x)
        same_bits(grad(lambda x: checkpoint(lambda: (x * x).sum())())(x), 2 * x)


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
