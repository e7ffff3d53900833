"""Microbatches change how much memory a loss needs, and nothing else."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tape


def loss(params: Any, x: Tensor, y: Tensor, power: float = 2.0) -> Tensor:
    return ((torch.tanh(x @ params["w"]) - y) ** power).mean()


def batch(count: int, dtype: torch.dtype = torch.float64) -> tuple[Any, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(count)
    params = {"w": torch.randn(3, 2, generator=generator, dtype=dtype)}
    return (
        params,
        torch.randn(count, 3, generator=generator, dtype=dtype),
        torch.randn(count, 2, generator=generator, dtype=dtype),
    )


def assert_close(actual: Any, expected: Any) -> None:
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e, rtol=1e-12, atol=1e-12)


@given(count=st.integers(1, 12), size=st.integers(1, 13), threads=st.integers(1, 3), mean=st.booleans())
def test_value_and_gradients_are_the_losss_own(count: int, size: int, threads: int, mean: bool) -> None:
    def reduced(params: Any, x: Tensor, y: Tensor) -> Tensor:
        entries = torch.tanh(x @ params["w"]) - y
        return (entries**2).mean() if mean else (entries**2).sum()

    tiled = tape.microbatch(reduced, size, "mean" if mean else "sum", threads)
    args = batch(count)
    assert_close(tiled(*args), reduced(*args))
    assert_close(tape.value_and_grad(tiled)(*args), tape.value_and_grad(reduced)(*args))


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_cut_has_gradients_too(threads: int) -> None:
    args = batch(7)
    tiled = tape.microbatch(loss, 3, threads=threads)
    assert_close(tape.grad(tiled, (0, 1, 2))(*args), tape.grad(loss, (0, 1, 2))(*args))


def test_second_order_is_the_losss_own() -> None:
    args = batch(5)

    def projected(f: Any) -> Any:
        return tape.grad(lambda params, x, y: (tape.grad(f)(params, x, y)["w"] * params["w"].detach()).sum(), (0, 1))

    assert_close(projected(tape.microbatch(loss, 2, threads=2))(*args), projected(loss)(*args))


def test_it_works_under_vmap() -> None:
    params, x, y = batch(6)
    stacked = {"w": torch.stack([params["w"], -params["w"]])}
    run = torch.func.vmap(tape.grad(tape.microbatch(loss, 4)), in_dims=(0, None, None))
    assert_close(run(stacked, x, y)["w"][1], tape.grad(loss)({"w": -params["w"]}, x, y)["w"])


def test_arguments_without_rows_go_to_each_microbatch() -> None:
    for power in (3.0, torch.tensor([2.0, 4.0])):
        args = (*batch(5), power)
        assert_close(tape.grad(tape.microbatch(loss, 2))(*args), tape.grad(loss)(*args))


def test_a_number_before_the_first_tensor_with_rows_is_no_batch() -> None:
    loss = lambda w, name, scale, x: (getattr(torch, name)(x @ w) * scale).square().mean()
    args = torch.ones(3), "sin", torch.tensor(2.0), torch.arange(15.0).reshape(5, 3)
    tiled = tape.microbatch(loss, 2)
    torch.testing.assert_close(tape.grad(tiled, (0, 2, 3))(*args), tape.grad(loss, (0, 2, 3))(*args))
    assert [step.op for step in tape.trace(lambda w, s, x: tiled(w, "sin", s, x))(args[0], *args[2:]).steps] == [
        "microbatch"
    ]


def test_a_batch_of_one_microbatch_is_the_loss_itself() -> None:
    loss = lambda w, x: (x @ w).square().mean()
    for rows, tiled in ((4, False), (5, True)):
        program = tape.trace(tape.microbatch(loss, 4))(torch.ones(3), torch.ones(rows, 3))
        assert ([step.op for step in program.steps] == ["microbatch"]) == tiled


@pytest.mark.parametrize("threads", [1, 2])
def test_a_compiled_loss_is_the_loss(threads: int) -> None:
    args = batch(7)
    tiled = tape.microbatch(tape.compile(loss), 3, threads=threads)
    for _ in range(3):  # the first call notes what the later ones run
        assert_close(tiled(*args), loss(*args))
        assert_close(tape.grad(tiled, (0, 1, 2))(*args), tape.grad(loss, (0, 1, 2))(*args))
    twice = lambda f: tape.grad(lambda x: tape.grad(f)(args[0], x, args[2])["w"].sum())(args[1])
    assert_close(twice(tiled), twice(loss))
    assert tiled.__wrapped__ is loss


def test_a_compiled_loss_runs_as_a_program_again_and_again() -> None:
    runs: list[int] = []

    def counted(params: Any, x: Tensor, y: Tensor) -> Any:
        runs.append(1)
        return loss(params, x, y)

    for _ in range(2):
        tape.grad(tape.microbatch(tape.compile(counted), 3))(*batch(6))
    assert len(runs) == 2  # once for each of the two


def test_values_that_stand_in_for_others_in_a_checkpoint() -> None:
    w, rows = torch.tensor(2.0), torch.arange(4.0)
    loss = lambda a, x: (a * x).sum()
    gradient = tape.grad(lambda w: tape.checkpoint(lambda: tape.microbatch(loss, 2, "sum")(w, rows * w))())(w)
    assert gradient == 24


def test_same_size_and_threads_give_the_same_bits() -> None:
    args = batch(50, torch.float32)
    run = tape.grad(tape.microbatch(loss, 7, threads=3))
    assert run(*args)["w"].equal(run(*args)["w"])


def test_the_tape_keeps_gradients_and_no_activations() -> None:
    params, x, y = batch(1000)
    whole = tape.trace(lambda params: loss(params, x, y))(params)
    tiled = tape.trace(lambda params: tape.microbatch(loss, 10)(params, x, y))(params)
    assert tiled.residual_bytes == params["w"].nbytes
    assert whole.residual_bytes > 100 * tiled.residual_bytes


def test_the_threads_of_torch_stay_as_they_were() -> None:
    before = torch.get_num_threads()
    tape.grad(tape.microbatch(loss, 1, threads=2))(*batch(4))
    assert torch.get_num_threads() == before


def test_an_error_in_a_thread_is_raised() -> None:
    def broken(params: Any, x: Tensor) -> Tensor:
        raise RuntimeError("no such luck")

    with pytest.raises(RuntimeError, match="no such luck"):
        tape.grad(tape.microbatch(broken, 1, threads=2))(torch.ones(2), torch.ones(4, 2))


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 2, "threads": 0}, {"size": 2, "reduction": "median"}])
def test_options_that_make_no_sense_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match="microbatch"):
        tape.microbatch(loss, **options)


def test_a_loss_that_is_no_number_is_refused() -> None:
    for loss in (lambda w, x: x @ w, lambda w, x: (x @ w).sum().item(), lambda w, x: (x.sum(), w.sum())):
        with pytest.raises(tape.TapeError, match="must be 0-d"):
            tape.grad(lambda w, loss=loss: tape.microbatch(loss, 2)(w, torch.ones(4, 2)).sum())(torch.ones(2))


def test_a_traced_value_that_is_closed_over_is_refused() -> None:
    def outer(w: Any) -> Any:
        return tape.microbatch(lambda v, x: (x @ v * w.sum()).sum(), 2, "sum")(w, torch.ones(4, 2))

    with pytest.raises(tape.TapeError, match="pass it as an argument"):
        tape.grad(outer)(torch.ones(2))


def test_a_value_whose_transformation_has_ended_is_refused() -> None:
    kept: list[Any] = []
    tape.grad(lambda w: (kept.append(w), w.sum())[1])(torch.ones(2))
    with pytest.raises(tape.TapeError, match="microbatch got a traced value whose transformation has ended"):
        tape.microbatch(lambda w, x: (x @ w).sum(), 2)(kept[0], torch.ones(4, 2))


def test_without_grad_mode_it_is_a_constant() -> None:
    def f(w: Any) -> Any:
        with torch.no_grad():
            return tape.microbatch(lambda w, x: (x @ w).sum(), 2, "sum")(w, torch.ones(4, 2)) + 0 * w.sum()

    assert tape.grad(f)(torch.ones(2)).equal(torch.zeros(2))
    assert tape.trace(f)(torch.ones(2)).residual_bytes == 0


def test_threads_within_threads_do_not_wait_for_themselves() -> None:
    args = batch(8)
    nested = tape.microbatch(tape.microbatch(loss, 1, threads=2), 2, threads=2)
    assert_close(tape.grad(nested)(*args), tape.grad(loss)(*args))
