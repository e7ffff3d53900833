"""Layers as pairs, and the combinators: names of parameters, shapes, and what they compute."""

from typing import Any

import pytest
import torch

import nn
import tape


def names(params: Any) -> list[str]:
    return tape.tree.paths(params)


def shapes_agree(layer: nn.Layer, shape: tuple[int, ...], generator: torch.Generator) -> Any:
    """The parameters of a layer whose promised shape is the one that it gives, with any batch."""
    params, out = layer.init(generator, shape)
    for batch in (1, 3):
        assert layer.apply(params, torch.rand(batch, *shape)).shape == (batch, *out)
    return params


def test_a_layer_is_a_pair_of_functions() -> None:
    init, apply = nn.ReLU()
    assert init(torch.Generator(), (3,)) == ({}, (3,))
    assert apply({}, torch.tensor([-1.0, 2.0])).tolist() == [0, 2]


def test_elementwise_and_identity_keep_the_shape(generator: torch.Generator) -> None:
    x = torch.rand(2, 3)
    for layer, expected in ((nn.elementwise(torch.sin), torch.sin(x)), (nn.identity, x)):
        assert shapes_agree(layer, (3,), generator) == {}
        assert torch.equal(layer.apply({}, x), expected)


def test_serial_is_one_after_the_other(generator: torch.Generator) -> None:
    first, second = nn.Linear(4), nn.Linear(2)
    network = nn.serial(first, nn.Tanh(), second)
    params = shapes_agree(network, (3,), generator)
    assert names(params) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    x = torch.rand(5, 3)
    expected = second.apply(params["2"], torch.tanh(first.apply(params["0"], x)))
    assert torch.equal(network.apply(params, x), expected)


def test_names_stand_in_the_parameters(generator: torch.Generator) -> None:
    network = nn.serial(nn.Linear(4), middle=nn.serial(nn.ReLU(), deep=nn.Linear(3, bias=False)), end=nn.ReLU())
    params = shapes_agree(network, (2,), generator)
    assert names(params) == ["0.weight", "0.bias", "middle.deep.weight"]


def test_a_network_of_nothing_is_the_identity(generator: torch.Generator) -> None:
    params, shape = nn.serial().init(generator, (2, 3))
    assert (params, shape) == ({}, (2, 3))
    x = torch.rand(1, 2, 3)
    assert nn.serial().apply(params, x) is x


def test_parallel_concatenates_channels(generator: torch.Generator) -> None:
    wide, narrow = nn.Conv2d(4, 3, padding=1), nn.Conv2d(2, 1)
    network = nn.parallel(wide, nn.ReLU(), narrow=narrow)
    params = shapes_agree(network, (3, 5, 6), generator)
    assert names(params) == ["0.weight", "0.bias", "narrow.weight", "narrow.bias"]
    x = torch.rand(2, 3, 5, 6)
    expected = torch.cat([wide.apply(params["0"], x), x.relu(), narrow.apply(params["narrow"], x)], 1)
    assert torch.equal(network.apply(params, x), expected)


def test_skip_concatenates_the_input(generator: torch.Generator) -> None:
    inner = nn.serial(nn.Conv2d(4, 3, padding=1), nn.ReLU())
    network = nn.skip(nn.Conv2d(4, 3, padding=1), nn.ReLU())
    params = shapes_agree(network, (3, 5, 6), generator)
    x = torch.rand(2, 3, 5, 6)
    assert torch.equal(network.apply(params, x), torch.cat([inner.apply(params, x), x], 1))


def test_residual_adds_the_input(generator: torch.Generator) -> None:
    network = nn.residual(nn.Conv2d(4, 3, padding=1), last=nn.Conv2d(3, 1))
    params = shapes_agree(network, (3, 5, 6), generator)
    inner = nn.serial(nn.Conv2d(4, 3, padding=1), last=nn.Conv2d(3, 1))
    x = torch.rand(2, 3, 5, 6)
    assert torch.equal(network.apply(params, x), x + inner.apply(params, x))


def test_a_network_is_differentiated_in_its_parameters(generator: torch.Generator) -> None:
    network = nn.serial(nn.skip(nn.Conv2d(2, 3, padding=1), nn.MaxPool2d(1)), nn.ReLU(), out=nn.Conv2d(1, 2))
    params, _ = network.init(generator, (3, 4, 4))
    x = torch.rand(2, 3, 4, 4)
    value, grads = tape.value_and_grad(lambda p: network.apply(p, x).square().mean())(params)
    assert tape.tree.flatten(grads)[1] == tape.tree.flatten(params)[1]
    required = tape.tree.map(lambda p: p.clone().requires_grad_(), params)
    loss = network.apply(required, x).square().mean()
    expected = torch.autograd.grad(loss, tape.tree.leaves(required))
    torch.testing.assert_close(value, loss.detach())
    torch.testing.assert_close(tape.tree.leaves(grads), list(expected))


def test_the_generator_decides_all_parameters() -> None:
    network = nn.serial(nn.Conv2d(4, 3), nn.ReLU(), nn.ConvTranspose2d(3, 3))
    draws = [network.init(torch.Generator().manual_seed(seed), (3, 8, 8))[0] for seed in (5, 5, 6)]
    leaves = [tape.tree.leaves(params) for params in draws]
    assert all(torch.equal(a, b) for a, b in zip(leaves[0], leaves[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(leaves[0], leaves[2], strict=True))


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.parallel(nn.Conv2d(4, 3), nn.Conv2d(4, 1)), r"\(4, 3, 3\).*\(4, 5, 5\)"),
        (nn.skip(nn.Conv2d(4, 3)), r"skip.*\(3, 5, 5\).*\(4, 3, 3\)"),
        (nn.residual(nn.Conv2d(4, 1)), r"residual.*\(3, 5, 5\).*\(4, 5, 5\)"),
        (nn.serial(nn.MaxPool2d(2), nn.MaxPool2d(3)), r"window of \(3, 3\).*\(2, 2\)"),
        (nn.serial(nn.Conv2d(4, 1), nn.Conv2d(4, 9)), r"window of \(9, 9\).*\(5, 5\)"),
    ],
)
def test_shapes_that_do_not_fit_are_found_by_init(layer: nn.Layer, said: str, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=said):
        layer.init(generator, (3, 5, 5))


def test_a_name_that_is_a_position_is_refused() -> None:
    with pytest.raises(ValueError, match="'0'"):
        nn.serial(nn.ReLU(), **{"0": nn.Tanh()})
