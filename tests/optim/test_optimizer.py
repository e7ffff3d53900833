"""The laws that every optimizer keeps."""

import dataclasses
from typing import Any, NamedTuple

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import optim
import tape
from tape import tree

OPTIMIZERS = {
    "sgd": optim.sgd(0.1, weight_decay=0.1),
    "momentum": optim.sgd(0.1, momentum=0.9, dampening=0.5),
    "nesterov": optim.sgd(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": optim.adam(1e-2, weight_decay=0.1),
    "adamw": optim.adamw(1e-2),
    "clip": optim.clip_by_global_norm(0.5),
    "chain": optim.chain(
        optim.clip_by_global_norm(0.5), optim.adam(optim.warmup(optim.cosine(0.1, T_max=20), total_iters=3))
    ),
}
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


class Affine(NamedTuple):
    weight: Any
    bias: Any


@tree.register_dataclass
@dataclasses.dataclass
class Block:
    layers: Any
    scale: Any


def some_params(seed=0, dtype=torch.float32):
    """One of each container, a 0-d and an empty leaf among the others, and a layer without bias."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    return {
        "stem": Affine(draw(2, 3), None),
        "body": [Block((Affine(draw(3, 3), draw(3)), Affine(draw(0, 3), draw(0))), draw())],
        "a": draw(4),
    }


def run(optimizer, params, state, steps):
    for step in steps:
        updates, state = optimizer.update(gradients(params, step), state, params)
        params = optim.apply_updates(params, updates)
    return params, state


def gradients(params, step):
    generator = torch.Generator().manual_seed(1000 + step)
    return tree.map(lambda p: torch.randn(p.shape, generator=generator).to(p.dtype), params)


def assert_equal(actual, expected):
    assert tree.flatten(actual)[1] == tree.flatten(expected)[1]
    for a, b in zip(tree.leaves(actual), tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


@every_optimizer
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_updates_are_like_the_parameters_in_structure_shape_and_dtype(optimizer, dtype):
    params = some_params(dtype=dtype)
    updates, _ = optimizer.update(gradients(params, 0), optimizer.init(params), params)
    for result in (updates, optim.apply_updates(params, updates)):
        assert tree.flatten(result)[1] == tree.flatten(params)[1]
        assert [(x.shape, x.dtype) for x in tree.leaves(result)] == [(p.shape, p.dtype) for p in tree.leaves(params)]


@every_optimizer
def test_a_state_keeps_its_structure_shapes_and_dtypes(optimizer):
    params = some_params(dtype=torch.bfloat16)
    before = optimizer.init(params)
    _, after = run(optimizer, params, before, range(3))
    assert tree.flatten(after)[1] == tree.flatten(before)[1]
    assert [(x.shape, x.dtype) for x in tree.leaves(after)] == [(x.shape, x.dtype) for x in tree.leaves(before)]
    assert all(isinstance(leaf, torch.Tensor) for leaf in tree.leaves(after))


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_updates_are_counted_in_an_integer_tensor(name):
    params = some_params()
    state = OPTIMIZERS[name].init(params)
    assert torch.equal(state.step, torch.tensor(0))
    _, state = run(OPTIMIZERS[name], params, state, range(3))
    assert torch.equal(state.step, torch.tensor(3))


@every_optimizer
def test_nothing_that_is_given_is_changed(optimizer):
    params = some_params()
    _, state = run(optimizer, params, optimizer.init(params), range(2))
    given = (params, gradients(params, 2), state)
    copies = tree.map(torch.clone, given)
    versions = [leaf._version for leaf in tree.leaves(given)]
    updates, _ = optimizer.update(given[1], state, params)
    optim.apply_updates(params, updates)
    assert_equal(given, copies)
    assert [leaf._version for leaf in tree.leaves(given)] == versions


@every_optimizer
def test_no_result_shares_memory_with_an_argument_or_another_result(optimizer):
    params = some_params()
    first = optimizer.init(params)
    grads = gradients(params, 0)
    updates, second = optimizer.update(grads, first, params)
    new_params = optim.apply_updates(params, updates)
    everything = tree.leaves((params, grads, first, updates, second, new_params))
    storages = [leaf.untyped_storage().data_ptr() for leaf in everything if leaf.numel()]
    assert len(set(storages)) == len(storages)


@every_optimizer
def test_the_same_arguments_give_the_same_bits(optimizer):
    params = some_params()
    first, second = (run(optimizer, params, optimizer.init(params), range(4)) for _ in range(2))
    assert_equal(first, second)


@every_optimizer
@settings(max_examples=8, deadline=None)
@given(at=st.integers(0, 6))
def test_a_saved_and_restored_state_continues_bit_for_bit(optimizer, at):
    params = some_params()
    expected = run(optimizer, params, optimizer.init(params), range(6))

    params, state = run(optimizer, params, optimizer.init(params), range(at))
    paths = tree.paths(state)
    assert len(set(paths)) == len(paths)
    saved = safetensors.torch.save(dict(zip(paths, tree.leaves(state), strict=True)))

    _, treedef = tree.flatten(optimizer.init(params))
    loaded = safetensors.torch.load(saved)
    restored = tree.unflatten(treedef, [loaded[path] for path in paths])
    assert_equal(run(optimizer, params, restored, range(at, 6)), expected)


@every_optimizer
def test_the_order_of_a_dict_is_kept_and_the_order_of_its_gradients_does_not_matter(optimizer):
    params = {"z": torch.tensor([1.0]), "a": torch.tensor([2.0, 3.0])}
    grads = {"z": torch.tensor([3.0]), "a": torch.tensor([-1.0, 5.0])}
    state = optimizer.init(params)
    expected = optimizer.update(grads, state, params)
    actual = optimizer.update(dict(reversed(grads.items())), state, params)
    assert list(actual[0]) == list(optim.apply_updates(params, actual[0])) == ["z", "a"]
    assert_equal(actual, expected)


@every_optimizer
@pytest.mark.parametrize("params", [{}, [], (), None, {"layer": None, "rest": [{}]}], ids=repr)
def test_a_pytree_without_leaves_is_fine(optimizer, params):
    updates, state = optimizer.update(params, optimizer.init(params), params)
    assert optim.apply_updates(params, updates) == params
    optimizer.update(params, state, params)


@every_optimizer
def test_a_tensor_alone_is_a_pytree(optimizer):
    params = torch.tensor([1.0, -2.0])
    alone, _ = run(optimizer, params, optimizer.init(params), range(3))
    wrapped, _ = run(optimizer, {"w": params}, optimizer.init({"w": params}), range(3))
    assert torch.equal(alone, wrapped["w"])


@every_optimizer
def test_the_layout_of_the_arguments_does_not_matter(optimizer):
    params = {"w": torch.arange(12.0).reshape(3, 4).T, "b": torch.tensor(2.0).expand(5)}
    grads = {"w": torch.arange(24.0).reshape(4, 6)[:, ::2], "b": torch.tensor(-1.0).expand(5)}
    dense_params, dense_grads = (tree.map(torch.Tensor.contiguous, t) for t in (params, grads))
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    expected, _ = optimizer.update(dense_grads, optimizer.init(dense_params), dense_params)
    assert_equal(updates, expected)


@every_optimizer
def test_leaves_that_require_grad_are_used_as_plain_values(optimizer):
    plain = some_params()
    params = tree.map(lambda p: p.clone().requires_grad_(), plain)
    actual = run(optimizer, params, optimizer.init(params), range(3))
    assert not any(leaf.requires_grad for leaf in tree.leaves(actual))
    assert_equal(actual, run(optimizer, plain, optimizer.init(plain), range(3)))


@every_optimizer
def test_a_step_never_waits_for_the_device(optimizer):
    # A meta tensor has no numbers: reading one on the host raises.
    params = tree.map(lambda p: p.to("meta"), some_params())
    state = optimizer.init(params)
    for _ in range(2):
        updates, state = optimizer.update(params, state, params)
    assert {leaf.device.type for leaf in tree.leaves(updates)} == {"meta"}


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adam", "adamw"])
def test_an_ensemble_trains_under_vmap(name):
    optimizer = OPTIMIZERS[name]
    members = [{"w": torch.randn(3, generator=torch.Generator().manual_seed(i))} for i in range(4)]
    states = [run(optimizer, member, optimizer.init(member), range(2))[1] for member in members]
    grads = [gradients(member, 5) for member in members]
    expected = [optimizer.update(*arguments)[0]["w"] for arguments in zip(grads, states, members, strict=True)]

    def stack(trees):
        return tree.map(lambda *leaves: torch.stack(leaves), *trees)

    _, treedef = tree.flatten(states[0])

    # The members share their step, which is read on the host.
    def updates_of(grads, moments, params):
        return optimizer.update(grads, tree.unflatten(treedef, [states[0].step, *moments]), params)[0]

    moments = stack([tree.leaves(state)[1:] for state in states])
    actual = torch.func.vmap(updates_of)(stack(grads), moments, stack(members))
    torch.testing.assert_close(actual["w"], torch.stack(expected))


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adam", "adamw"])
def test_steps_can_be_differentiated(name):
    optimizer = OPTIMIZERS[name]
    params = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

    def distance_after_two_steps(grads):
        state, reached = optimizer.init(params), params
        for scale in (1.0, -2.0):
            updates, state = optimizer.update(scale * grads, state, reached)
            reached = optim.apply_updates(reached, updates)
        return (reached * reached).sum()

    at = torch.tensor([0.3, 0.7, -0.4], dtype=torch.float64)
    nudges = 1e-6 * torch.eye(3, dtype=torch.float64)
    slopes = [(distance_after_two_steps(at + nudge) - distance_after_two_steps(at - nudge)) / 2e-6 for nudge in nudges]
    torch.testing.assert_close(tape.grad(distance_after_two_steps)(at), torch.stack(slopes), rtol=1e-6, atol=1e-8)


def test_a_chain_feeds_each_optimizer_the_updates_of_the_one_before():
    params = some_params()
    grads = gradients(params, 0)
    clip, adam = OPTIMIZERS["clip"], OPTIMIZERS["adam"]
    chained = optim.chain(clip, adam)
    updates, state = chained.update(grads, chained.init(params), params)
    clipped, clip_state = clip.update(grads, clip.init(params), params)
    expected, adam_state = adam.update(clipped, adam.init(params), params)
    assert_equal((updates, state), (expected, (clip_state, adam_state)))


def test_a_chain_of_chains_is_a_chain():
    params = some_params()
    a, b, c = (OPTIMIZERS[name] for name in ("clip", "momentum", "clip"))
    left, flat = optim.chain(optim.chain(a, b), c), optim.chain(a, b, c)
    assert_equal(run(left, params, left.init(params), range(3))[0], run(flat, params, flat.init(params), range(3))[0])


def test_any_pair_of_functions_is_an_optimizer():
    noisy_sign = optim.Optimizer(lambda params: (), lambda g, s, p: (tree.map(torch.sign, g), s))
    optimizer = optim.chain(noisy_sign, optim.sgd(0.5))
    params = {"w": torch.zeros(2)}
    updates, _ = optimizer.update({"w": torch.tensor([3.0, -4.0])}, optimizer.init(params), params)
    assert torch.equal(updates["w"], torch.tensor([-0.5, 0.5]))


def test_an_optimizer_unpacks_into_its_two_functions():
    init, update = optim.sgd(0.5)
    params = torch.ones(1)
    assert update(params, init(params), params)[0] == -0.5


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["sgd", "momentum", "nesterov", "adam", "adamw", "chain"]), st.integers(0, 2**32))
def test_a_step_along_the_gradient_of_a_bowl_goes_down(name, seed):
    params = torch.randn(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 3.0
    optimizer = OPTIMIZERS[name]
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    assert optim.apply_updates(params, updates).norm() < params.norm()
