import pytest
import torch

import optim
from tape import tree

PARAMS = {"conv": {"weight": torch.tensor([1.0, -2.0]), "bias": torch.tensor([3.0])}, "scale": torch.tensor(4.0)}
GRADS = tree.map(lambda p: 0.5 * torch.ones_like(p), PARAMS)
MAKES = {
    "sgd": lambda **options: optim.sgd(0.1, momentum=0.9, **options),
    "adam": lambda **options: optim.adam(0.1, **options),
    "adamw": lambda **options: optim.adamw(0.1, **options),
}
every_make = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES.keys())


def moved(optimizer):
    state, params = optimizer.init(PARAMS), PARAMS
    for _ in range(3):
        updates, state = optimizer.update(GRADS, state, params)
        params = optim.apply_updates(params, updates)
    return params


@every_make
@pytest.mark.parametrize(
    "mask",
    [
        {"conv": {"weight": True, "bias": False}, "scale": False},
        {"conv": {"weight": torch.tensor(True), "bias": torch.tensor(False)}, "scale": False},
    ],
    ids=["truth values", "tensors"],
)
def test_only_what_the_mask_names_decays(make, mask):
    found = moved(make(weight_decay=0.5, mask=mask))
    decayed, plain = moved(make(weight_decay=0.5)), moved(make(weight_decay=0.0))
    assert torch.equal(found["conv"]["weight"], decayed["conv"]["weight"])
    assert not torch.equal(found["conv"]["weight"], plain["conv"]["weight"])
    assert torch.equal(found["conv"]["bias"], plain["conv"]["bias"])
    assert torch.equal(found["scale"], plain["scale"])


@every_make
def test_one_truth_value_stands_for_a_whole_part(make):
    found = moved(make(weight_decay=0.5, mask={"conv": True, "scale": False}))
    expected = moved(make(weight_decay=0.5, mask={"conv": {"weight": True, "bias": True}, "scale": False}))
    for mine, theirs in zip(tree.leaves(found), tree.leaves(expected), strict=True):
        assert torch.equal(mine, theirs)


@every_make
def test_a_mask_that_is_true_everywhere_is_none(make):
    for mine, theirs in zip(
        tree.leaves(moved(make(weight_decay=0.5, mask=True))), tree.leaves(moved(make(weight_decay=0.5))), strict=True
    ):
        assert torch.equal(mine, theirs)


@every_make
@pytest.mark.parametrize("leaf", [1, 0.5, "yes", torch.tensor([True, False]), torch.tensor(1.0)])
def test_what_is_no_truth_value_is_refused_with_its_place(make, leaf):
    with pytest.raises(TypeError, match=r"mask at 'conv\.bias' must be True or False, got"):
        make(weight_decay=0.5, mask={"conv": {"weight": True, "bias": leaf}})


@every_make
def test_a_mask_of_another_structure_is_refused(make):
    optimizer = make(weight_decay=0.5, mask={"linear": True})
    with pytest.raises(ValueError, match=r"mask must have the structure of params.*\['linear'\], where params has"):
        optimizer.update(GRADS, optimizer.init(PARAMS), PARAMS)
