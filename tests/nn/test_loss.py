"""Losses, beside torch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import nn
import tape

losses = pytest.mark.parametrize(("ours", "theirs"), [(nn.mse_loss, F.mse_loss), (nn.l1_loss, F.l1_loss)])


@losses
@given(
    shape=st.lists(st.integers(1, 4), max_size=4),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    seed=st.integers(0, 99),
)
def test_losses_agree_with_torch_in_both_orders(
    ours: Any, theirs: Any, shape: list[int], reduction: str, seed: int, compare: Any, doubles: Any
) -> None:
    def loss(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, y: f(x**3, y, reduction=reduction)

    compare(loss(ours), loss(theirs), doubles(seed, *shape), 1.5 * doubles(seed + 1, *shape), second=True)


@losses
def test_a_loss_is_a_mean_unless_asked_otherwise(ours: Any, theirs: Any, compare: Any, doubles: Any) -> None:
    compare(ours, theirs, doubles(0, 2, 3), doubles(1, 2, 3) * 2)


def test_no_error_has_no_gradient(doubles: Any) -> None:
    x = doubles(0, 3)
    for loss in (nn.mse_loss, nn.l1_loss):
        assert tape.grad(loss)(x, x).eq(0).all()


@losses
def test_traced_calls_of_torchs_functions_are_ours(ours: Any, theirs: Any, doubles: Any) -> None:
    x, y = doubles(0, 2, 3), 2 * doubles(1, 2, 3)
    module = {nn.mse_loss: torch.nn.MSELoss, nn.l1_loss: torch.nn.L1Loss}[ours]
    calls: list[Callable[[Any, Any], Any]] = [
        theirs,
        lambda x, y: theirs(x, target=y, reduction="sum"),
        lambda x, y: theirs(input=x, target=y.detach()),
        module(),
    ]
    for call in calls:
        required = [x.clone().requires_grad_(), y.clone().requires_grad_()]
        expected = torch.autograd.grad(call(*required), required, materialize_grads=True)
        torch.testing.assert_close(tape.grad(call, (0, 1))(x, y), expected)


@losses
def test_shapes_that_differ_are_refused_and_not_broadcast(ours: Any, theirs: Any) -> None:
    with pytest.raises(ValueError, match=rf"{ours.__name__}.*\(2, 1\).*\(2,\)"):
        ours(torch.zeros(2, 1), torch.zeros(2))


@losses
def test_an_unknown_reduction_is_refused(ours: Any, theirs: Any) -> None:
    with pytest.raises(ValueError, match="'median'"):
        ours(torch.zeros(2), torch.zeros(2), "median")


def test_weights_are_refused_where_they_are_traced() -> None:
    # torch's l1_loss loses its weight before it can be seen, so there is nothing to test there.
    with pytest.raises(tape.TapeError, match="weight"):
        tape.grad(lambda x: F.mse_loss(x, torch.zeros(2), weight=torch.ones(2)))(torch.zeros(2))
