"""Results share memory with nothing, nothing given is changed, and what is changed in place is noticed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, stop_gradient, vjp
from tests.tape.transforms.comparison import same


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x,
        lambda x, y: (x, x, y),
        lambda x, y: x + y,
        lambda x, y: (x + y, x.reshape(-1), y.T),
        lambda x, y: x.sum(),
        lambda x, y: x[0].expand(3, 2),
        lambda x, y: (x.detach(), stop_gradient(y)),
        lambda x, y: [x.clone(), x.contiguous(), x.to(x.dtype)],
        lambda x, y: torch.cat([x, y]),
        lambda x, y: x * y,
        lambda x, y: torch.where(torch.tensor(True), x, y),
    ],
)
def test_results_share_memory_with_nothing(f: Callable[..., Any]) -> None:
    x, y = torch.rand(2, 2), torch.rand(2, 2)
    out, pullback, aux = vjp(lambda x, y: (f(x, y), f(x, y)), x, y, has_aux=True)
    cotangent = tape.tree.map(torch.rand_like, out)
    first, second = pullback(cotangent), pullback(cotangent)
    tensors = tape.tree.leaves([x, y, out, aux, cotangent, first, second])
    before = [tensor.clone() for tensor in tensors]
    for written, tensor in enumerate(tensors):
        tensor.fill_(-1)  # an expanded result would refuse this too
        for i in range(written + 1, len(tensors)):
            assert torch.equal(tensors[i], before[i]), (written, i)


@pytest.mark.parametrize("reduced", [lambda x, y: (x + y).sum(), lambda x, y: x.sum() + y.mean()])
def test_gradients_can_be_written_into(reduced: Callable[..., Any]) -> None:
    x, y = torch.rand(2, 2), torch.rand(2, 2)
    one, other = grad(reduced, (0, 1))(x, y)
    kept = other.clone()
    one[0, 0] = 7
    assert torch.equal(other, kept)
    assert (one == 7).sum() == 1


def test_the_same_tensor_given_twice_has_two_gradients(x: Tensor) -> None:
    same(grad(lambda a, b: (a * a * b).sum(), (0, 1))(x, x), (2 * x * x, x * x))


def test_nothing_given_is_changed(x: Tensor) -> None:
    params = {"x": x, "list": [x + 1]}
    kept = tape.tree.map(torch.clone, params)
    versions = [leaf._version for leaf in tape.tree.leaves(params)]
    _, pullback = vjp(lambda p: (p["x"] * p["list"][0]).relu().cumsum(0), params)
    g = torch.ones_like(x)
    pullback(g)
    pullback(g)
    same(params, kept)
    assert torch.equal(g, torch.ones_like(x))
    assert [leaf._version for leaf in [*tape.tree.leaves(params), g]] == [*versions, 0]


@pytest.mark.parametrize("change", [lambda t: t.add_(1), lambda t: t[0].zero_(), lambda t: t.view(-1).mul_(2)])
def test_a_residual_that_was_changed_in_place_is_noticed(change: Callable[..., Any], x: Tensor) -> None:
    _, pullback = vjp(lambda x: torch.sin(x), x)
    change(x)
    with pytest.raises(tape.TapeError, match=r"sin .* in place"):
        pullback(torch.ones_like(x))


def test_an_index_that_was_changed_in_place_is_noticed(x: Tensor) -> None:
    places = torch.tensor([0, 1])
    for select in (lambda x: x[places], lambda x: x[(places,)], lambda x: x.index_select(0, places)):
        _, pullback = vjp(select, x)
        places.add_(1).sub_(1)
        with pytest.raises(tape.TapeError, match="in place"):
            pullback(x[:2])


def test_a_change_of_what_no_rule_needs_does_no_harm(x: Tensor) -> None:
    _, pullback = vjp(lambda x: x + 1, x)
    x.zero_()
    same(pullback(torch.ones_like(x)), (torch.ones_like(x),))


def test_writing_into_the_output_does_no_harm(x: Tensor) -> None:
    out, pullback = vjp(torch.exp, x)
    expected = out.clone()
    out.zero_()
    same(pullback(torch.ones_like(x)), (expected,))
