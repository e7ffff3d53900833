import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import optim

shapes = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), min_size=1, max_size=3)
scales = st.lists(st.sampled_from([0.0, 1e-6, 1e-2, 1.0, 1e3]), min_size=1, max_size=12)
hyperparameters = st.fixed_dictionaries(
    {
        "lr": st.floats(0, 0.5),
        "betas": st.tuples(st.floats(0, 0.99), st.floats(0, 0.9999)),
        "eps": st.sampled_from([1e-10, 1e-8, 1e-3, 1.0]),
        "weight_decay": st.sampled_from([0.0, 1e-4, 0.1]),
    }
)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])
seeds = st.integers(0, 2**32)


@settings(max_examples=40, deadline=None)
@given(shapes, scales, hyperparameters, dtypes, seeds)
def test_adam_follows_torch_step_by_step(assert_follows_torch, shapes, scales, hyper, dtype, seed):
    assert_follows_torch(optim.adam(**hyper), lambda p: torch.optim.Adam(p, **hyper), shapes, scales, seed, dtype)


@settings(max_examples=40, deadline=None)
@given(shapes, scales, hyperparameters, dtypes, seeds)
def test_adamw_follows_torch_step_by_step(assert_follows_torch, shapes, scales, hyper, dtype, seed):
    assert_follows_torch(optim.adamw(**hyper), lambda p: torch.optim.AdamW(p, **hyper), shapes, scales, seed, dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=str)
@pytest.mark.parametrize(("make", "make_theirs"), [(optim.adam, torch.optim.Adam), (optim.adamw, torch.optim.AdamW)])
def test_a_whole_descent_with_the_defaults_is_torchs(make, make_theirs, dtype, tolerance):
    def slope(x):
        return torch.sin(x) + 0.1 * x

    params = torch.linspace(-3.0, 3.0, 7, dtype=dtype)
    parameter = torch.nn.Parameter(params.clone())
    optimizer, torch_optimizer = make(1e-2), make_theirs([parameter], lr=1e-2)
    state = optimizer.init(params)
    for _ in range(600):
        parameter.grad = slope(parameter.detach())
        torch_optimizer.step()
        updates, state = optimizer.update(slope(params), state, params)
        params = optim.apply_updates(params, updates)
        torch.testing.assert_close(params, parameter.detach(), rtol=0, atol=tolerance)


def test_a_scheduled_rate_is_torchs_and_scales_the_decoupled_decay(assert_follows_torch):
    assert_follows_torch(
        optim.adamw(optim.step_decay(0.1, step_size=3, gamma=0.5), weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.3),
        [(3,)],
        [1.0] * 10,
        0,
        torch.float64,
        lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=3, gamma=0.5),
    )


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(0, 0.999), st.floats(0, 0.9999))
def test_the_first_update_has_the_size_of_the_rate_whatever_the_gradient(grad, beta1, beta2):
    params = {"w": torch.zeros(2, dtype=torch.float64)}
    optimizer = optim.adam(0.1, (beta1, beta2), eps=0.0)
    grads = {"w": torch.tensor([grad, -grad], dtype=torch.float64)}
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    expected = torch.tensor([-0.1, 0.1], dtype=torch.float64)
    torch.testing.assert_close(updates["w"], expected, rtol=1e-9, atol=0)


def test_eps_stands_outside_the_root():
    params = torch.zeros((), dtype=torch.float64)
    optimizer = optim.adam(1.0, eps=0.5)
    updates, _ = optimizer.update(torch.full_like(params, 2.0), optimizer.init(params), params)
    assert math.isclose(updates.item(), -2.0 / (2.0 + 0.5), rel_tol=1e-12)


def test_decoupled_decay_leaves_the_running_means_alone():
    params, grads = {"w": torch.tensor([5.0])}, {"w": torch.tensor([1.0])}
    plain, decayed = optim.adam(0.1), optim.adamw(0.1, weight_decay=0.5)
    _, expected = plain.update(grads, plain.init(params), params)
    _, state = decayed.update(grads, decayed.init(params), params)
    assert torch.equal(state.exp_avg["w"], expected.exp_avg["w"])
    assert torch.equal(state.exp_avg_sq["w"], expected.exp_avg_sq["w"])


def test_a_rate_of_zero_moves_nothing_and_is_counted():
    params = {"w": torch.tensor([1.0, -2.0])}
    optimizer = optim.adamw(0.0)
    updates, state = optimizer.update({"w": torch.ones(2)}, optimizer.init(params), params)
    assert torch.equal(optim.apply_updates(params, updates)["w"], params["w"])
    assert state.step == 1


@pytest.mark.parametrize("make", [optim.adam, optim.adamw])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lr": -1e-3}, ValueError, "lr must be finite and not negative, got -0.001"),
        ({"lr": math.nan}, ValueError, "lr must be finite"),
        ({"lr": "fast"}, TypeError, "lr must be a number, got 'fast'"),
        ({"betas": (0.9, 1.0)}, ValueError, r"betas\[1\] must be at least 0 and below 1, got 1.0"),
        ({"betas": (-0.1, 0.9)}, ValueError, r"betas\[0\] must be at least 0"),
        ({"betas": 0.9}, TypeError, "betas must be a pair of numbers, got 0.9"),
        ({"betas": (0.9, 0.99, 0.999)}, TypeError, "betas must be a pair"),
        ({"eps": -1e-8}, ValueError, "eps must be finite and not negative"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be finite and not negative"),
    ],
)
def test_wrong_arguments_are_refused_by_name(make, arguments, error, message):
    with pytest.raises(error, match=message):
        make(**{"lr": 1e-3, **arguments})
