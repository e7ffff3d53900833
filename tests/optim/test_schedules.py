import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

import optim

rates = st.floats(1e-6, 10.0)
counts = st.integers(1, 12)
factors = st.floats(0.01, 1.0)


def torch_rates(lr, make_scheduler, steps=40):
    """The rate of each update when torch's scheduler is stepped after every one."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make_scheduler(optimizer)
    result = []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return result


def assert_same_rates(schedule, expected, lr):
    rates = [schedule(step) for step in range(len(expected))]
    assert rates == pytest.approx(expected, rel=1e-9, abs=1e-9 * lr)


@settings(max_examples=30, deadline=None)
@given(rates, counts, factors)
def test_step_decay_is_step_lr(lr, step_size, gamma):
    expected = torch_rates(lr, lambda o: lr_scheduler.StepLR(o, step_size, gamma))
    assert_same_rates(optim.step_decay(lr, step_size, gamma), expected, lr)


@settings(max_examples=30, deadline=None)
@given(rates, st.lists(st.integers(1, 40), max_size=5), factors)
def test_multi_step_decay_is_multi_step_lr(lr, milestones, gamma):
    expected = torch_rates(lr, lambda o: lr_scheduler.MultiStepLR(o, milestones, gamma))
    assert_same_rates(optim.multi_step_decay(lr, milestones, gamma), expected, lr)


@settings(max_examples=30, deadline=None)
@given(rates, counts, factors)
def test_cosine_is_cosine_annealing_lr_also_past_its_end(lr, T_max, part):
    expected = torch_rates(lr, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max, part * lr))
    assert_same_rates(optim.cosine(lr, T_max, part * lr), expected, lr)


@settings(max_examples=30, deadline=None)
@given(rates, counts, counts)
def test_linear_ramp_down_is_a_constant_rate_and_then_linear_lr_to_zero(lr, before, ramp):
    expected = torch_rates(
        lr,
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.ConstantLR(o, factor=1.0, total_iters=1),
                lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=ramp),
            ],
            milestones=[before],
        ),
    )
    assert_same_rates(optim.linear_ramp_down(lr, before + ramp, ramp), expected, lr)


@settings(max_examples=30, deadline=None)
@given(rates, counts, factors, counts, factors)
def test_warmup_is_linear_lr_before_another_scheduler(lr, total_iters, start_factor, step_size, gamma):
    expected = torch_rates(
        lr,
        lambda o: lr_scheduler.SequentialLR(
            o,
            [
                lr_scheduler.LinearLR(o, start_factor=start_factor, total_iters=total_iters),
                lr_scheduler.StepLR(o, step_size, gamma),
            ],
            milestones=[total_iters],
        ),
    )
    schedule = optim.warmup(optim.step_decay(lr, step_size, gamma), total_iters, start_factor)
    assert_same_rates(schedule, expected, lr)


def test_warmup_takes_a_number_for_a_constant_rate():
    rate = optim.warmup(0.5, total_iters=2, start_factor=0.5)
    assert [rate(step) for step in range(4)] == [0.25, 0.375, 0.5, 0.5]


def test_constant_is_the_same_at_every_step():
    assert {optim.constant(0.25)(step) for step in (0, 1, 10**9)} == {0.25}


@settings(max_examples=30, deadline=None)
@given(rates, counts, counts)
def test_smooth_ramp_down_falls_from_the_rate_to_zero_and_never_rises(lr, before, ramp):
    schedule = optim.smooth_ramp_down(lr, before + ramp, ramp)
    values = [schedule(step) for step in range(before + ramp + 3)]
    assert values[: before + 1] == pytest.approx([lr] * (before + 1))
    assert values[before + ramp :] == [0.0] * 3
    assert all(a >= b for a, b in pairwise(values))
    # Half-way the raised cosine is a half, and its square a quarter.
    if ramp % 2 == 0:
        assert values[before + ramp // 2] == pytest.approx(lr / 4)


def test_a_cosine_keeps_its_turns_at_any_number_of_steps():
    rate = optim.cosine(1.0, T_max=1000)
    assert [rate(2 * 10**18 + step) for step in (0, 500, 1000, 1999)] == [rate(step) for step in (0, 500, 1000, 1999)]


def test_rates_vanish_after_very_many_steps():
    assert optim.step_decay(1.0, step_size=1)(10**9) == 0.0
    assert optim.linear_ramp_down(1.0, total_iters=10, ramp_iters=5)(10**18) == 0.0


def test_a_power_that_is_no_rate_is_named_with_its_step():
    optimizer, params = optim.sgd(optim.step_decay(1.0, step_size=1, gamma=2.0)), torch.zeros(1)
    state = optimizer.init(params)._replace(step=torch.tensor(5000))
    with pytest.raises(ValueError, match="the learning rate that the schedule gives at step 5000 must be finite"):
        optimizer.update(params, state, params)


def test_no_update_of_a_run_that_ramps_down_is_without_effect():
    for ramp_down in (optim.linear_ramp_down, optim.smooth_ramp_down):
        assert ramp_down(1.0, total_iters=20, ramp_iters=20)(19) > 0.0


def test_a_schedule_is_asked_for_the_updates_made_so_far_as_an_int():
    asked = []

    def schedule(step):
        asked.append(step)
        return 0.1

    params = torch.zeros(2)
    optimizer = optim.sgd(schedule)
    state = optimizer.init(params)
    for _ in range(3):
        _, state = optimizer.update(params, state, params)
    assert asked == [0, 1, 2]
    assert {type(step) for step in asked} == {int}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optim.constant(-0.1), ValueError, "lr must be finite and not negative, got -0.1"),
        (lambda: optim.constant(torch.tensor(0.1)), TypeError, "lr must be a number"),
        (lambda: optim.step_decay(0.1, 0), ValueError, "step_size must be positive, got 0"),
        (lambda: optim.step_decay(0.1, 1.5), TypeError, "step_size must be an integer, got 1.5"),
        (lambda: optim.step_decay(0.1, 1, gamma=-1), ValueError, "gamma must be finite and not negative"),
        (lambda: optim.multi_step_decay(0.1, [5, 0]), ValueError, "a milestone must be positive, got 0"),
        (lambda: optim.cosine(0.1, 0), ValueError, "T_max must be positive"),
        (lambda: optim.cosine(0.1, 5, eta_min=-1), ValueError, "eta_min must be finite and not negative"),
        (lambda: optim.linear_ramp_down(0.1, 5, 6), ValueError, "ramp_iters=6 and total_iters=5"),
        (lambda: optim.smooth_ramp_down(0.1, 5, 0), ValueError, "ramp_iters must be positive"),
        (lambda: optim.warmup(0.1, 0), ValueError, "total_iters must be positive"),
        (lambda: optim.warmup(0.1, 5, 1.5), ValueError, "start_factor must be from 0 to 1, got 1.5"),
    ],
)
def test_wrong_arguments_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(("rate", "error"), [(-0.1, ValueError), (math.nan, ValueError), (None, TypeError)])
def test_a_schedule_that_gives_no_rate_is_named_with_its_step(rate, error):
    params = torch.zeros(2)
    optimizer = optim.adam(lambda step: rate)
    with pytest.raises(error, match="the learning rate that the schedule gives at step 0"):
        optimizer.update(params, optimizer.init(params), params)
