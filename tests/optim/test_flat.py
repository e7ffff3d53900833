"""An optimizer on one vector does what it does on each tensor."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import optim
import tape
from tape import tree

shapes = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), min_size=1, max_size=4)
scales = st.lists(st.sampled_from([0.0, 1e-6, 1.0, 1e3]), min_size=1, max_size=8)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])
PARAMS = {
    "weight": torch.linspace(-1, 1, 6).reshape(2, 3),
    "bias": [torch.zeros(()), torch.ones(2, dtype=torch.float64)],
    "none": torch.zeros(0, 3),
    "scale": torch.tensor([2.0]),
}


def descended(optimizer, params, steps=3):
    state = optimizer.init(params)
    for step in range(steps):
        updates, state = optimizer.update(tree.map(lambda p, step=step: torch.cos(p + step), params), state, params)
        params = optim.apply_updates(params, updates)
    return params


@settings(max_examples=30, deadline=None)
@given(shapes, scales, dtypes, st.integers(0, 2**32))
def test_flat_adamw_follows_torch_step_by_step(assert_follows_torch, shapes, scales, dtype, seed):
    optimizer = optim.flat(optim.adamw(0.1, weight_decay=0.1))
    assert_follows_torch(optimizer, lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.1), shapes, scales, seed, dtype)


@pytest.mark.parametrize(
    "optimizer",
    [
        optim.adam(0.1),
        optim.sgd(0.1, momentum=0.9, nesterov=True),
        optim.chain(optim.clip_by_global_norm(0.5), optim.adam(optim.cosine(0.1, 3))),
        optim.flat(optim.sgd(0.1)),
    ],
)
def test_a_pytree_of_several_dtypes_is_updated_as_by_the_optimizer_itself(optimizer):
    wanted, got = descended(optimizer, PARAMS), descended(optim.flat(optimizer), PARAMS)
    assert tree.flatten(got)[1] == tree.flatten(wanted)[1]
    for one, other in zip(tree.leaves(got), tree.leaves(wanted), strict=True):
        torch.testing.assert_close(one, other)


def test_the_state_has_a_vector_for_each_dtype():
    state = optim.flat(optim.adam(0.1)).init(PARAMS)
    assert [(mean.dtype, mean.shape) for mean in state.exp_avg] == [(torch.float32, (8,)), (torch.float64, (2,))]


def test_nothing_that_is_given_is_changed_or_shared():
    params, grads = {"w": torch.ones(3)}, {"w": torch.full((3,), 2.0)}
    optimizer = optim.flat(optim.Optimizer(lambda params: (), lambda grads, state, params: (grads, state)))
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    updates["w"].zero_()
    assert grads["w"].tolist() == [2.0, 2.0, 2.0]


def test_a_gradient_of_another_shape_is_named():
    optimizer = optim.flat(optim.adam(0.1))
    params = {"a": torch.ones(2), "b": torch.ones(3)}
    with pytest.raises(ValueError, match=r"\bb\b"):
        optimizer.update({"a": torch.ones(2), "b": torch.ones(2)}, optimizer.init(params), params)


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(TypeError, match="not a function"):
        optim.flat(lambda grads: grads)


def test_an_update_is_differentiated_and_compiled():
    optimizer = optim.flat(optim.adam(0.1))
    params = {"w": torch.tensor([1.0, -2.0]), "b": torch.tensor(0.5)}

    def after(grads):
        updates, _ = optimizer.update(grads, optimizer.init(params), params)
        return updates["w"].sum() + updates["b"]

    assert all(g.isfinite().all() for g in tree.leaves(tape.grad(after)(params)))
    torch.testing.assert_close(tape.compile(after)(params), after(params))


def test_a_flat_update_is_fewer_operations():
    def steps(optimizer):
        state = optimizer.init(PARAMS)
        return tape.compile(optimizer.update).program(PARAMS, state, PARAMS).steps

    assert steps(optim.flat(optim.adam(0.1))) < steps(optim.adam(0.1))
