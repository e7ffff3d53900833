from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import nn
import tape
from n2n import network
from n2n.training.diagnosis import diagnosis, is_finite
from nn import Conv2d, Layer, ReLU

IMAGES = torch.rand(3, 3, 16, 16, generator=Generator().manual_seed(1))


def small() -> Layer:
    return nn.serial(Conv2d(4, 3, padding=1), ReLU(), Conv2d(4, 3, padding=1), ReLU(), Conv2d(3, 3, padding=1))


def begun(net: Layer) -> Any:
    return net.init(Generator().manual_seed(0), (3, 16, 16))[0]


def test_is_finite_looks_at_every_leaf() -> None:
    assert is_finite({"a": torch.zeros(2), "step": torch.tensor(3)})
    assert is_finite({})
    assert not is_finite({"a": torch.zeros(2), "b": [torch.tensor([1.0, torch.nan])]})


@pytest.mark.parametrize("layer", ["0", "2", "4"])
def test_the_layer_in_which_an_infinity_begins_is_named(layer: str) -> None:
    net = small()
    params = begun(net)
    params[layer]["weight"] = params[layer]["weight"] * 1e38 * 1e3
    found = diagnosis(net, nn.mse_loss, params, {}, IMAGES, IMAGES)
    number = int(layer) // 2 + 1
    assert f"in layer {number} of 3, after its parameter {layer}.weight ({'3' if layer == '4' else '4'}×" in found
    assert "lower the learning rate" in found


def test_the_layer_of_a_gradient_is_named_and_not_the_one_after_it() -> None:
    """The root's derivative at 0 is infinite: forward, everything is finite."""
    root = nn.elementwise(lambda x: torch.sqrt(torch.relu(x) * 0))
    net = nn.serial(Conv2d(4, 3, padding=1), root, Conv2d(3, 3, padding=1))
    found = diagnosis(net, nn.mse_loss, begun(net), {}, IMAGES, IMAGES)
    assert "in layer 1 of 2, after its parameter 0.bias (4) was used, the rule of sqrt" in found


def test_the_loss_is_a_place_too() -> None:
    net = small()

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return torch.log(output * 0).mean()

    assert "in the loss, log made" in diagnosis(net, loss, begun(net), {}, IMAGES, IMAGES)


@pytest.mark.parametrize(("which", "name"), [(0, "noisy images"), (1, "targets")])
def test_damaged_images_are_counted(which: int, name: str) -> None:
    batch = [IMAGES.clone(), IMAGES.clone()]
    batch[which][1, 0, 3, 3] = torch.nan
    assert f"1 of its 3 {name} hold" in diagnosis(small(), nn.mse_loss, begun(small()), {}, *batch)


def test_an_optimizer_that_overflows_is_named_by_the_parameter() -> None:
    after = {"params": {"0": {"weight": torch.ones(2), "bias": torch.tensor([torch.inf])}}}
    found = diagnosis(small(), nn.mse_loss, begun(small()), after, IMAGES, IMAGES)
    assert found.startswith("the update of params.0.bias overflows")


def test_a_large_batch_is_looked_at_in_parts_with_what_belongs_to_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("n2n.training.diagnosis.PIXELS", 256)
    seen: list[tuple[int, ...]] = []

    def loss(output: Tensor, target: Tensor, mask: Tensor, gamma: Tensor) -> Tensor:
        seen.append((len(output), len(target), len(mask)))
        return ((output - target) * mask / (mask.sum() - 256)).square().mean() ** gamma

    masks = torch.ones(3, 1, 16, 16)
    masks[0] = masks[1] = 0.5
    found = diagnosis(small(), loss, begun(small()), {}, IMAGES, IMAGES, masks, torch.tensor(1.0))
    assert seen == [(1, 1, 1)] * 3  # the third image is the one whose mask makes a division by 0
    assert "in the loss, divide made" in found


@pytest.mark.parametrize("name", ["net1", "residual", "unet-small"])
def test_nothing_is_found_where_all_is_well(name: str) -> None:
    net = network(name)
    params, _ = net.init(Generator().manual_seed(0), (3, 32, 32))
    images = torch.rand(2, 3, 32, 32, generator=Generator().manual_seed(1))
    assert diagnosis(net, nn.mse_loss, params, {}, images, images).startswith("the loss's sum over the batch overflows")


def test_the_parameters_are_left_as_they_are() -> None:
    net = small()
    params = begun(net)
    before = tape.tree.map(torch.clone, params)
    diagnosis(net, nn.mse_loss, params, {}, IMAGES, IMAGES)
    assert all(map(torch.equal, tape.tree.leaves(params), tape.tree.leaves(before)))
