"""Activations, beside torch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import nn
import tape

slopes = st.floats(0.001, 0.9)
activations = st.one_of(
    st.just((nn.relu, F.relu)),
    st.just((nn.sigmoid, torch.sigmoid)),
    st.just((nn.tanh, torch.tanh)),
    st.just((nn.leaky_relu, F.leaky_relu)),
    st.just((nn.softplus, F.softplus)),
    slopes.map(lambda slope: (lambda x: nn.leaky_relu(x, slope), lambda x: F.leaky_relu(x, slope))),
    st.builds(
        lambda beta, threshold: (
            lambda x: nn.softplus(x, beta, threshold),
            lambda x: F.softplus(x, beta, threshold),
        ),
        st.floats(0.2, 5),
        st.floats(1, 30),
    ),
)


@given(pair=activations, shape=st.lists(st.integers(0, 4), max_size=4), scale=st.sampled_from([1.0, 10.0, 100.0]))
def test_activations_agree_with_torch_in_both_orders(
    pair: tuple[Callable[..., Any], Callable[..., Any]], shape: list[int], scale: float, compare: Any, doubles: Any
) -> None:
    compare(*pair, scale * (doubles(0, *shape) + 0.001), second=True)


@pytest.mark.parametrize(("f", "expected"), [(nn.relu, 0.0), (nn.leaky_relu, 0.01)])
def test_the_derivative_at_0_is_the_lower_one(f: Any, expected: float, compare: Any) -> None:
    theirs = getattr(F, f.__name__)
    zeros = torch.zeros(3, dtype=torch.float64)
    compare(f, theirs, zeros)
    _, pullback = tape.vjp(f, zeros)
    torch.testing.assert_close(pullback(torch.ones_like(zeros))[0], torch.full_like(zeros, expected))
