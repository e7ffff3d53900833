import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import optim
from tape import tree

shapes = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), min_size=1, max_size=4)
dtypes = st.sampled_from([torch.float64, torch.float32, torch.bfloat16])


def clipped(grads, max_norm):
    clip = optim.clip_by_global_norm(max_norm)
    updates, _ = clip.update(grads, clip.init(grads), grads)
    return updates


@settings(max_examples=60, deadline=None)
@given(
    shapes,
    st.lists(dtypes, min_size=4, max_size=4),
    st.sampled_from([0.0, 1e-8, 1e-3, 1.0, 1e4]),
    st.sampled_from([0.0, 1e-3, 1.0, 10.0, math.inf]),
    st.integers(0, 2**32),
)
def test_clipping_is_torchs_and_bit_for_bit_in_one_dtype(shapes, dtypes, scale, max_norm, seed):
    generator = torch.Generator().manual_seed(seed)
    grads = [
        (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)
        for shape, dtype in zip(shapes, dtypes, strict=False)
    ]
    theirs = [torch.nn.Parameter(torch.zeros_like(g)) for g in grads]
    for parameter, grad in zip(theirs, grads, strict=True):
        parameter.grad = grad.clone()
    torch.nn.utils.clip_grad_norm_(theirs, max_norm, foreach=False)
    # Torch adds up the norms dtype by dtype.
    mixed = len({grad.dtype for grad in grads}) > 1
    for mine, parameter in zip(clipped(grads, max_norm), theirs, strict=True):
        rtol = 2 * torch.finfo(mine.dtype).eps if mixed else 0.0
        torch.testing.assert_close(mine, parameter.grad, rtol=rtol, atol=0)


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(0, 2**32))
def test_the_norm_ends_at_most_at_the_limit_and_the_direction_stays(scale, max_norm, seed):
    generator = torch.Generator().manual_seed(seed)
    grads = {
        "a": scale * torch.randn(3, 2, generator=generator),
        "b": scale * torch.randn(2, generator=generator),
    }
    updates = clipped(grads, max_norm)
    norm = optim.global_norm(grads)
    assert optim.global_norm(updates) <= min(norm, max_norm) * (1 + 1e-6)
    flat, flat_clipped = (torch.cat([leaf.flatten() for leaf in tree.leaves(t)]) for t in (grads, updates))
    torch.testing.assert_close(flat_clipped / optim.global_norm(updates), flat / norm)


def test_small_gradients_pass_unchanged():
    grads = {"w": torch.tensor([0.1, -0.2])}
    assert torch.equal(clipped(grads, 1.0)["w"], grads["w"])


def test_the_norm_is_over_all_leaves_as_one_vector():
    assert optim.global_norm({"a": torch.full((4,), 1.0), "b": [torch.full((3, 4), 1.0), None]}) == 4.0


def test_the_norm_of_nothing_is_zero():
    assert optim.global_norm({}) == 0.0
    assert clipped({}, 1.0) == {}


def test_a_nan_spreads_rather_than_hides():
    updates = clipped({"a": torch.tensor([math.nan]), "b": torch.tensor([1.0])}, 1.0)
    assert updates["a"].isnan().all()
    assert updates["b"].isnan().all()


@pytest.mark.parametrize(
    ("max_norm", "error", "message"),
    [
        (-1.0, ValueError, "max_norm must not be negative, got -1.0"),
        (math.nan, ValueError, "max_norm must not be negative, got nan"),
        ("1", TypeError, "max_norm must be a number, got '1'"),
    ],
)
def test_wrong_arguments_are_refused_by_name(max_norm, error, message):
    with pytest.raises(error, match=message):
        optim.clip_by_global_norm(max_norm)
