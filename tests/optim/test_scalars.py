"""Updates whose count or rate is no Python number: under vmap, and with rates that are tensors or traced."""

import pytest
import torch

import optim
from tape import tree, verify

SCHEDULES = {
    "constant": optim.constant(0.1),
    "step decay": optim.step_decay(0.1, step_size=3, gamma=0.5),
    "multi-step decay": optim.multi_step_decay(0.1, [2, 5], gamma=0.5),
    "no milestones": optim.multi_step_decay(0.1, [], gamma=0.5),
    "cosine": optim.cosine(0.1, T_max=6, eta_min=0.01),
    "linear": optim.linear_ramp_down(0.1, total_iters=9, ramp_iters=5),
    "smooth": optim.smooth_ramp_down(0.1, total_iters=9, ramp_iters=5),
    "warmup": optim.warmup(optim.step_decay(0.1, step_size=2), total_iters=4),
    "own": lambda step: 0.1 / (1 + step),
}
MAKES = {
    "sgd": optim.sgd,
    "momentum": lambda lr: optim.sgd(lr, momentum=0.9, dampening=0.5, weight_decay=0.1),
    "nesterov": lambda lr: optim.sgd(lr, momentum=0.9, nesterov=True),
    "adam": lambda lr: optim.adam(lr, weight_decay=0.1),
    "adamw": optim.adamw,
    "chain": lambda lr: optim.chain(optim.clip_by_global_norm(0.5), optim.adam(lr)),
}
every_make = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES.keys())
dtypes = pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16], ids=str)


def some(seed, dtype, *batch):
    generator = torch.Generator().manual_seed(seed)
    return {
        "w": torch.randn(*batch, 2, 3, generator=generator).to(dtype),
        "b": torch.randn(batch, generator=generator).to(dtype),  # 0-d in each run
    }


def states(optimizer, params, counts):
    """The states of runs that have made different numbers of updates."""
    result = []
    for i, count in enumerate(counts):
        own = tree.map(lambda p, i=i: p[i], params)
        state = optimizer.init(own)
        for step in range(count):
            _, state = optimizer.update(some(step, own["w"].dtype), state, own)
        result.append(state)
    return result


@every_make
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_vmap_over_an_update_is_each_run_alone(make, schedule):
    # Torch divides a number by an integer tensor in float32.
    assert_runs_alone(make(schedule), torch.float64, rtol=1e-6 if schedule is SCHEDULES["own"] else 1e-12)


@every_make
@dtypes
def test_vmap_over_an_update_keeps_the_dtypes(make, dtype):
    assert_runs_alone(make(optim.cosine(0.1, T_max=6)), dtype, rtol=4 * torch.finfo(dtype).eps)


def assert_runs_alone(optimizer, dtype, rtol):
    counts = (0, 1, 4, 7)
    params, grads = some(0, dtype, len(counts)), some(1, dtype, len(counts))
    alone = states(optimizer, params, counts)
    stacked = tree.map(lambda *leaves: torch.stack(leaves), alone[0], *alone[1:])
    found = torch.func.vmap(optimizer.update)(grads, stacked, params)
    for i, state in enumerate(alone):
        expected = optimizer.update(tree.map(lambda g, i=i: g[i], grads), state, tree.map(lambda p, i=i: p[i], params))
        for mine, theirs in zip(tree.leaves(found), tree.leaves(expected), strict=True):
            assert mine.dtype == theirs.dtype
            torch.testing.assert_close(mine[i], theirs, rtol=rtol, atol=rtol)


@every_make
def test_vmap_over_rates_trains_once_for_each(make):
    params, grads = some(0, torch.float64), some(1, torch.float64)

    def moved(lr):
        optimizer = make(lr)
        return optimizer.update(grads, optimizer.init(params), params)[0]

    found = torch.func.vmap(moved)(torch.tensor([0.1, 0.2], dtype=torch.float64))
    for i, lr in enumerate((0.1, 0.2)):
        for mine, theirs in zip(tree.leaves(found), tree.leaves(moved(lr)), strict=True):
            torch.testing.assert_close(mine[i], theirs)


@every_make
@dtypes
def test_a_rate_may_be_a_tensor(make, dtype):
    params, grads = some(0, dtype), some(1, dtype)
    for lr in (torch.tensor(0.5), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)):
        expected, found = make(0.5), make(lr)
        updates, _ = found.update(grads, found.init(params), params)
        for mine, theirs in zip(
            tree.leaves(updates), tree.leaves(expected.update(grads, expected.init(params), params)[0]), strict=True
        ):
            assert not mine.requires_grad
            torch.testing.assert_close(mine, theirs, rtol=2 * torch.finfo(dtype).eps, atol=0)


@every_make
def test_a_schedule_may_give_a_tensor(make):
    params, grads = some(0, torch.float64), some(1, torch.float64)
    expected, found = make(0.5), make(lambda step: torch.tensor(0.5))
    for mine, theirs in zip(
        tree.leaves(found.update(grads, found.init(params), params)[0]),
        tree.leaves(expected.update(grads, expected.init(params), params)[0]),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)


@every_make
def test_the_derivative_with_respect_to_the_rate_is_right(make):
    params = some(0, torch.float64)

    def loss_after_two_updates(lr):
        optimizer, now = make(lr), params
        state = optimizer.init(now)
        for _ in range(2):
            grads = tree.map(lambda p: 2 * p, now)
            updates, state = optimizer.update(grads, state, now)
            now = optim.apply_updates(now, updates)
        return (now["w"] ** 2).sum() + now["b"] ** 2

    verify.check(loss_after_two_updates, torch.tensor(0.05, dtype=torch.float64))


def test_a_rate_of_more_than_one_number_is_refused():
    with pytest.raises(TypeError, match="lr must be a number"):
        optim.adam(torch.tensor([0.1, 0.2]))


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_a_schedule_of_a_tensor_is_that_of_the_number(schedule):
    for step in range(15):
        found = torch.as_tensor(schedule(torch.tensor(step)))
        assert found.item() == pytest.approx(schedule(step), rel=1e-6)


@dtypes
def test_vmap_over_an_average_is_each_run_alone(dtype):
    averages, params, steps = some(0, dtype, 3), some(1, dtype, 3), torch.tensor([0, 5, 10**6])
    found = torch.func.vmap(lambda a, p, step: optim.moving_average(a, p, step, 0.9))(averages, params, steps)
    for i, step in enumerate(steps):
        expected = optim.moving_average(*(tree.map(lambda x, i=i: x[i], t) for t in (averages, params)), step, 0.9)
        for mine, theirs in zip(tree.leaves(found), tree.leaves(expected), strict=True):
            assert mine.dtype == dtype
            rtol = 4 * torch.finfo(dtype).eps
            torch.testing.assert_close(mine[i], theirs, rtol=rtol, atol=rtol)
