import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import optim

shapes = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), min_size=1, max_size=3)
scales = st.lists(st.sampled_from([0.0, 1e-6, 1e-2, 1.0, 1e3]), min_size=1, max_size=12)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])
seeds = st.integers(0, 2**32)


@st.composite
def hyperparameters(draw):
    momentum = draw(st.sampled_from([0.0, 0.5, 0.9, 0.99]))
    nesterov = momentum > 0 and draw(st.booleans())
    return {
        "lr": draw(st.floats(0, 0.5)),
        "momentum": momentum,
        "dampening": 0.0 if nesterov else draw(st.sampled_from([0.0, 0.1, 1.0])),
        "nesterov": nesterov,
        "weight_decay": draw(st.sampled_from([0.0, 1e-4, 0.1])),
    }


@settings(max_examples=80, deadline=None)
@given(shapes, scales, hyperparameters(), dtypes, seeds)
def test_sgd_follows_torch_step_by_step(assert_follows_torch, shapes, scales, hyper, dtype, seed):
    assert_follows_torch(optim.sgd(**hyper), lambda p: torch.optim.SGD(p, **hyper), shapes, scales, seed, dtype)


def test_a_scheduled_rate_is_torchs(assert_follows_torch):
    assert_follows_torch(
        optim.sgd(optim.cosine(0.5, T_max=8), momentum=0.9),
        lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
        [(3,)],
        [1.0] * 8,
        0,
        torch.float64,
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=8),
    )


def test_the_first_gradient_is_not_dampened():
    params = torch.zeros(1)
    optimizer = optim.sgd(1.0, momentum=0.5, dampening=0.75)
    updates, state = optimizer.update(torch.ones(1), optimizer.init(params), params)
    assert updates == -1.0
    updates, state = optimizer.update(torch.ones(1), state, params)
    assert updates == -(0.5 + 0.25)


def test_without_momentum_there_is_no_velocity_to_store():
    state = optim.sgd(0.1).init({"w": torch.zeros(3)})
    assert state.momentum_buffer is None


def test_a_state_without_velocity_is_refused_where_momentum_needs_one():
    params = {"w": torch.zeros(3)}
    with pytest.raises(ValueError, match="momentum_buffer must have the structure of params, but has no leaf"):
        optim.sgd(0.1, momentum=0.9).update(params, optim.sgd(0.1).init(params), params)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lr": -0.1}, ValueError, "lr must be finite and not negative"),
        ({"lr": None}, TypeError, "lr must be a number, got None"),
        ({"momentum": -0.9}, ValueError, "momentum must be finite and not negative"),
        ({"dampening": -0.9}, ValueError, "dampening must be finite and not negative"),
        ({"weight_decay": float("inf")}, ValueError, "weight_decay must be finite and not negative"),
        ({"nesterov": True}, ValueError, "Nesterov momentum needs a positive momentum and no dampening"),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.5},
            ValueError,
            "no dampening, got momentum=0.9, dampening=0.5",
        ),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        optim.sgd(**{"lr": 0.1, **arguments})
