"""Optimizers in half precision, and where numbers are large, small or zero."""

import math

import pytest
import torch

import optim
import tape
from tape import tree, verify

HALF = [torch.float16, torch.bfloat16]
half = pytest.mark.parametrize("dtype", HALF, ids=str)
OPTIMIZERS = {
    "sgd": optim.sgd(0.01, momentum=0.9, weight_decay=0.1),
    "nesterov": optim.sgd(0.01, momentum=0.9, nesterov=True),
    "adam": optim.adam(0.01, weight_decay=0.1),
    "adamw": optim.adamw(0.01),
}


@half
@pytest.mark.parametrize("make", [optim.adam, optim.adamw])
def test_the_first_step_of_adam_has_the_size_of_the_rate_and_is_zero_for_a_zero_gradient(make, dtype):
    grads = torch.tensor([0.0, 1e-4, -1e-4, 1e3, -3e4], dtype=dtype)
    params = torch.zeros_like(grads)
    optimizer = make(1e-3)
    updates, state = optimizer.update(grads, optimizer.init(params), params)
    assert updates.dtype == dtype
    expected = torch.tensor([0.0, -1e-3, 1e-3, -1e-3, 1e-3])
    torch.testing.assert_close(updates.float(), expected, rtol=torch.finfo(dtype).eps, atol=0)
    assert all(torch.isfinite(leaf).all() for leaf in tree.leaves(state))


@half
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_a_half_precision_update_is_that_of_float32_rounded_once(optimizer, dtype, scale):
    generator = torch.Generator().manual_seed(0)
    params = torch.randn(50, generator=generator).to(dtype)
    wide = params.float()
    state, wide_state = optimizer.init(params), optimizer.init(wide)
    for _ in range(300):
        grads = (scale * torch.randn(50, generator=generator)).to(dtype)
        updates, state = optimizer.update(grads, state, params)
        expected, wide_state = optimizer.update(grads.float(), wide_state, wide)
        assert torch.equal(updates, expected.to(dtype))
    assert all(leaf.dtype in (torch.float32, torch.int64) for leaf in tree.leaves(state))


def test_the_second_moment_of_bfloat16_gradients_decays():
    params = torch.zeros(1, dtype=torch.bfloat16)
    optimizer = optim.adam(1e-3)
    _, state = optimizer.update(torch.ones_like(params), optimizer.init(params), params)
    for _ in range(1000):
        _, state = optimizer.update(torch.zeros_like(params), state, params)
    torch.testing.assert_close(state.exp_avg_sq, torch.tensor([0.001 * 0.999**1000]), rtol=1e-4, atol=0)


def test_a_state_in_half_precision_is_refused_with_the_dtype_that_is_due():
    params = torch.zeros(2, dtype=torch.float16)
    optimizer = optim.adam(1e-3)
    state = optimizer.init(params)._replace(exp_avg=params)
    with pytest.raises(ValueError, match=r"exp_avg is torch\.float16 of shape .*, whose state is in torch\.float32"):
        optimizer.update(params, state, params)


def test_twenty_float16_gradients_whose_norm_is_no_float16_are_scaled():
    grads = [torch.full((1,), 3e4, dtype=torch.float16) for _ in range(20)]
    clip = optim.clip_by_global_norm(1.0)
    for update in clip.update(grads, clip.init(grads), grads)[0]:
        assert update.dtype == torch.float16
        torch.testing.assert_close(update.float(), torch.tensor([20**-0.5]), rtol=1e-3, atol=0)
    torch.testing.assert_close(optim.global_norm(grads), torch.tensor(3e4 * math.sqrt(20)))


@pytest.mark.parametrize("dtype", [torch.float32, *HALF], ids=str)
def test_a_clipping_to_infinity_leaves_everything_untouched(dtype):
    grads = {"a": torch.tensor([math.inf, 1.0, -math.inf], dtype=dtype), "b": torch.tensor([math.nan], dtype=dtype)}
    clip = optim.clip_by_global_norm(math.inf)
    updates, _ = clip.update(grads, clip.init(grads), grads)
    for update, grad in zip(updates.values(), grads.values(), strict=True):
        torch.testing.assert_close(update, grad, rtol=0, atol=0, equal_nan=True)
        assert update is not grad


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALF], ids=str)
def test_the_derivative_through_a_clipping_is_finite_at_zero(dtype):
    clip = optim.clip_by_global_norm(1.0)

    def clipped(grads):
        return clip.update(grads, clip.init(grads), grads)[0].sum()

    torch.testing.assert_close(tape.grad(clipped)(torch.zeros(3, dtype=dtype)), torch.ones(3, dtype=dtype))


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALF], ids=str)
def test_the_derivative_through_an_update_is_finite_where_a_gradient_is_zero(name, dtype):
    optimizer, params = OPTIMIZERS[name], torch.zeros(3, dtype=dtype)

    def moved(grads):
        return optimizer.update(grads, optimizer.init(params), params)[0].sum()

    grads = torch.tensor([0.0, 1.0, -2.0], dtype=dtype)
    derivative = tape.grad(moved)(grads)
    assert torch.isfinite(tape.grad(lambda g: tape.grad(moved)(g).sum())(grads.double().to(dtype))).all() or (
        dtype == torch.float16  # whose largest number is below the second derivative
    )
    if name.startswith("adam") and dtype != torch.float16:  # 1 / eps, below which the root is without effect
        torch.testing.assert_close(derivative[0].item(), -0.01 / 1e-8, rtol=0.02, atol=0)
    assert torch.isfinite(derivative[1:]).all()


def test_the_derivative_through_adam_where_a_gradient_is_not_zero_is_the_differences():
    optimizer = optim.adam(0.1, eps=0.5)

    def moved(grads):
        params = torch.zeros(grads.shape, dtype=grads.dtype)
        _, state = optimizer.update(grads, optimizer.init(params), params)
        return optimizer.update(2 * grads, state, params)[0].sum()

    verify.check(moved, torch.tensor([0.7, -1.3], dtype=torch.float64))
