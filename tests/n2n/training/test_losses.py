"""The losses, beside torch's autograd and the closed forms of their derivatives."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

import nn
import optim
import tape
from n2n import hdr_loss, l0_loss, losses, masked, network, training_step
from tape import verify

names = pytest.mark.parametrize("name", losses)
progresses = st.floats(0, 0.95)
seeds = st.integers(0, 99)
shapes = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))


def images(seed: int, shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Outputs and targets that are nowhere equal."""
    drawn = torch.rand(2, *shape, generator=Generator().manual_seed(seed), dtype=torch.float64) + 0.01
    return drawn[0].to(dtype), (drawn[0] + 0.5 * (drawn[1] - 0.7).sign() * drawn[1]).to(dtype)


def mask_of(seed: int, shape: tuple[int, ...]) -> Tensor:
    return (torch.rand(shape, generator=Generator().manual_seed(seed + 500)) < 0.5).double()


# Of each entry, as the paper writes them; torch's autograd takes a denominator as constant if it is detached.
FORMULAS: dict[str, Callable[..., Tensor]] = {
    "l2": lambda f, y: (f - y) ** 2,
    "l1": lambda f, y: (f - y).abs(),
    "l0": lambda f, y, gamma: ((f - y).abs() + 1e-8) ** gamma,
    "hdr": lambda f, y: (f - y) ** 2 / (f.detach() + 0.01) ** 2,
}

# d loss / d f of one entry, worked out by hand.
DERIVATIVES: dict[str, Callable[..., Tensor]] = {
    "l2": lambda f, y: 2 * (f - y),
    "l1": lambda f, y: (f - y).sign(),
    "l0": lambda f, y, gamma: gamma * ((f - y).abs() + 1e-8) ** (gamma - 1) * (f - y).sign(),
    "hdr": lambda f, y: 2 * (f - y) / (f + 0.01) ** 2,
}


def test_every_loss_is_tested_here() -> None:
    assert list(losses) == list(FORMULAS) == list(DERIVATIVES)


@names
def test_every_loss_says_in_a_few_words_what_it_is(name: str) -> None:
    assert 10 < len(losses[name].about) < 80


@names
@given(shape=shapes, progress=progresses, seed=seeds)
def test_value_and_gradients_agree_with_torch(name: str, shape: Any, progress: float, seed: int) -> None:
    loss, more = losses[name].function, losses[name].more(progress)
    output, target = images(seed, shape)
    required = [x.clone().requires_grad_() for x in (output, target)]
    expected = FORMULAS[name](*required, *more).mean()
    value, gradients = tape.value_and_grad(loss, (0, 1))(output, target, *more)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, required))


@names
@given(shape=shapes, progress=progresses, seed=seeds)
def test_the_gradient_is_the_closed_form(name: str, shape: Any, progress: float, seed: int) -> None:
    loss, more = losses[name].function, losses[name].more(progress)
    output, target = images(seed, shape)
    expected = DERIVATIVES[name](output, target, *more) / output.numel()
    torch.testing.assert_close(tape.grad(loss)(output, target, *more), expected)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@names
def test_reductions_are_of_the_same_entries(name: str, reduction: str) -> None:
    more = losses[name].more(0.3)
    output, target = images(0, (2, 3, 4, 5))
    entries = FORMULAS[name](output, target, *more)
    expected = {"none": entries, "sum": entries.sum(), "mean": entries.mean()}[reduction]
    torch.testing.assert_close(losses[name].function(output, target, *more, reduction=reduction), expected)


@names
@given(shape=shapes, seed=seeds)
def test_a_mask_leaves_out_what_was_not_measured(name: str, shape: Any, seed: int) -> None:
    more = losses[name].more(0.6)
    output, target = images(seed, shape)
    mask = mask_of(seed, (shape[0], 1, *shape[2:]))
    value, gradient = tape.value_and_grad(masked(losses[name].function))(output, target, mask, *more)
    measured = mask.expand(shape) == 1
    expected = FORMULAS[name](output[measured], target[measured], *more).sum() / output.numel()
    torch.testing.assert_close(value, expected)
    assert gradient[~measured].eq(0).all()
    torch.testing.assert_close(
        gradient[measured], DERIVATIVES[name](output[measured], target[measured], *more) / output.numel()
    )


@names
def test_a_mask_of_ones_changes_nothing(name: str) -> None:
    output, target = images(0, (2, 3, 4, 5))
    more = losses[name].more(0.5)
    expected = losses[name].function(output, target, *more)
    for mask in (torch.ones(2, 1, 4, 5), torch.ones(2, 3, 4, 5), torch.ones(2, 1, 4, 5, dtype=torch.bool)):
        torch.testing.assert_close(masked(losses[name].function)(output, target, mask, *more), expected)


@pytest.mark.parametrize("with_mask", [False, True])
@names
@given(size=st.integers(1, 6), threads=st.integers(1, 2), seed=seeds)
def test_losses_are_the_means_of_their_microbatches(
    name: str, with_mask: bool, size: int, threads: int, seed: int
) -> None:
    """Of a masked loss too, though its images differ in how much of them was measured."""
    shape = (5, 2, 3, 2)
    output, target = images(seed, shape)
    more = losses[name].more(0.4)
    function = losses[name].function
    if with_mask:
        function, more = masked(function), (mask_of(seed, (5, 1, 3, 2)), *more)

    def objective(factor: Tensor, *batch: Tensor) -> Tensor:
        return function(factor * batch[0], *batch[1:])

    factor = torch.tensor(1.1, dtype=torch.float64)
    whole = tape.value_and_grad(objective)(factor, output, target, *more)
    parts = tape.value_and_grad(tape.microbatch(objective, size, threads=threads))(factor, output, target, *more)
    torch.testing.assert_close(parts, whole)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("name", ["l2", "l0"])
def test_a_training_step_is_the_same_in_microbatches_of_any_size(name: str, batch: int) -> None:
    net, optimizer = network("net4"), optim.sgd(1.0)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    noisy, target = images(1, (batch, 3, 32, 32), torch.float32)
    more = (mask_of(2, (batch, 1, 32, 32)).float(), *losses[name].more(0.2))
    state = optimizer.init(params)
    results = [
        training_step(net, masked(losses[name].function), optimizer, size)(params, state, noisy, target, *more)
        for size in (1, 2, batch)
    ]
    for result in results[1:]:
        torch.testing.assert_close(result, results[0])


def test_losses_are_verified() -> None:
    output, target = images(3, (2, 1, 2, 2))
    verify.check(losses["l0"].function, output, target, torch.tensor(1.5, dtype=torch.float64), examples=3, ties=True)
    verify.check(masked(nn.mse_loss), output, target, mask_of(3, (2, 1, 2, 2)), examples=3)


def test_gamma_falls_linearly_from_2_to_0() -> None:
    assert [losses["l0"].more(progress)[0].item() for progress in (0, 0.25, 0.5, 1)] == [2, 1.5, 1, 0]
    assert [losses[name].more(0.5) for name in ("l2", "l1", "hdr")] == [(), (), ()]


def test_annealed_l0_begins_as_l2_and_passes_l1() -> None:
    output, target = images(0, (2, 3, 4, 5))
    for progress, like in ((0, nn.mse_loss), (0.5, nn.l1_loss)):
        torch.testing.assert_close(l0_loss(output, target, *losses["l0"].more(progress)), like(output, target))


def test_l0_at_the_end_counts_and_has_no_gradient() -> None:
    output, target = images(0, (2, 3, 4, 5))
    value, gradient = tape.value_and_grad(l0_loss)(output, target, *losses["l0"].more(1))
    assert value == 1
    assert gradient.eq(0).all()


@names
@pytest.mark.parametrize("progress", [0, 0.5, 0.999, 1])
def test_no_error_has_no_gradient(name: str, progress: float) -> None:
    for dtype in (torch.float32, torch.float64):
        output, _ = images(0, (2, 3, 4, 5), dtype)
        gradient = tape.grad(losses[name].function)(output, output, *losses[name].more(progress))
        assert gradient.eq(0).all()


def test_hdr_weighs_an_error_by_the_brightness_of_the_output() -> None:
    output = torch.tensor([0.09, 0.99])
    errors = hdr_loss(output, output + torch.tensor([0.1, 1.0]), reduction="none")
    torch.testing.assert_close(errors, torch.ones(2))


def test_hdr_has_its_minimum_where_the_mean_of_the_targets_is() -> None:
    """So that noisy targets may stand for clean ones; with the denominator's derivative it would lie elsewhere."""
    targets = torch.tensor([0.1, 0.2, 0.9], dtype=torch.float64)

    def loss(output: Tensor) -> Tensor:
        return hdr_loss(output.expand(3), targets)

    assert tape.grad(loss)(targets.mean()).abs() < 1e-12
    assert tape.grad(loss)(targets.mean() + 0.01) > 0.01


@names
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_losses_keep_the_dtype(name: str, dtype: torch.dtype) -> None:
    output, target = images(0, (2, 3, 4, 5), dtype)
    value, gradient = tape.value_and_grad(losses[name].function)(output, target, *losses[name].more(0.3))
    assert value.dtype == gradient.dtype == dtype
    assert value.shape == ()


@names
def test_shapes_that_differ_are_refused_and_not_broadcast(name: str) -> None:
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\).*\(2, 1, 4, 4\)"):
        losses[name].function(torch.ones(2, 3, 4, 4), torch.ones(2, 1, 4, 4), *losses[name].more(0.5))


@names
def test_an_unknown_reduction_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="'median'"):
        losses[name].function(torch.ones(2), torch.ones(2), *losses[name].more(0.5), reduction="median")


@pytest.mark.parametrize("shape", [(2, 1, 4), (1, 1, 4, 4), (2, 2, 4, 4), (2, 3, 4, 5), (4, 4), ()])
def test_a_mask_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    x = torch.ones(2, 3, 4, 4)
    with pytest.raises(ValueError, match=r"mask of shape .* does not fit images of shape \(2, 3, 4, 4\)"):
        masked(nn.mse_loss)(x, x, torch.ones(shape))


def test_a_gamma_for_each_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0-d, not of shape \(2,\)"):
        l0_loss(torch.ones(2), torch.ones(2), torch.ones(2))


@pytest.mark.parametrize("progress", [-0.1, 1.1, float("nan")])
def test_a_fraction_of_the_training_is_between_0_and_1(progress: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        losses["l0"].more(progress)


@pytest.mark.parametrize("with_mask", [False, True])
@names
def test_training_steps_lower_the_loss(name: str, with_mask: bool) -> None:
    """From parameters and outputs that a network begins with, on one batch."""
    net, optimizer = network("net4"), optim.adam(1e-2)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    noisy, _ = images(4, (6, 3, 32, 32), torch.float32)
    target = 0.2 + 0.1 * noisy
    more = losses[name].more(0.25)
    function = losses[name].function
    if with_mask:
        function, more = masked(function), (mask_of(4, (6, 1, 32, 32)).float(), *more)
    step, state = training_step(net, function, optimizer), optimizer.init(params)
    seen = []
    for _ in range(4):
        params, state, value = step(params, state, noisy, target, *more)
        seen.append(value.item())
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 0.9 * seen[0]
