"""What every optimizer refuses, and how it says so."""

import re

import numpy
import pytest
import torch

import optim

PARAMS = {"conv": {"weight": torch.zeros(2, 3), "bias": torch.zeros(3)}}
OPTIMIZERS = {
    "sgd": optim.sgd(0.1),
    "momentum": optim.sgd(0.1, momentum=0.9),
    "adam": optim.adam(1e-3),
    "adamw": optim.adamw(1e-3),
    "clip": optim.clip_by_global_norm(1.0),
    "chain": optim.chain(optim.clip_by_global_norm(1.0), optim.adam(1e-3)),
}
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


def conv(weight=PARAMS["conv"]["weight"], **others):
    return {"conv": {"weight": weight, **others}}


@every_optimizer
@pytest.mark.parametrize(
    ("grads", "error", "message"),
    [
        (conv(), ValueError, "grads must have the structure of params, but has no leaf at 'conv.bias'"),
        (
            conv(bias=torch.zeros(3), scale=torch.zeros(3)),
            ValueError,
            "grads must have the structure of params, but has a leaf at 'conv.scale', where params has none",
        ),
        (
            torch.zeros(3),
            ValueError,
            "grads must have the structure of params, but has no leaf at 'conv.weight'",
        ),
        (
            conv(bias=torch.zeros(4)),
            ValueError,
            "grads at 'conv.bias' is torch.float32 of shape (4,) on cpu, "
            "where params is torch.float32 of shape (3,) on cpu",
        ),
        (
            conv(bias=torch.zeros(3).double()),
            ValueError,
            "grads at 'conv.bias' is torch.float64 of shape (3,)",
        ),
        (conv(bias=torch.zeros(3, device="meta")), ValueError, "of shape (3,) on meta, where params is"),
        (conv(bias=torch.zeros(3).long()), TypeError, "grads at 'conv.bias' is of dtype torch.int64"),
        (conv(bias=None), TypeError, "grads at 'conv.bias' is of type NoneType"),
        (conv(bias=[torch.zeros(3)]), TypeError, "grads at 'conv.bias' is of type list"),
        (conv(bias=0.0), TypeError, "grads at 'conv.bias' is of type float"),
    ],
)
def test_gradients_that_do_not_fit_are_refused_with_their_place(optimizer, grads, error, message):
    with pytest.raises(error, match=re.escape(message)):
        optimizer.update(grads, optimizer.init(PARAMS), PARAMS)


def test_other_containers_with_the_same_paths_are_refused():
    params, grads = [torch.zeros(1), torch.zeros(1)], (torch.zeros(1), torch.zeros(1))
    optimizer = optim.adam(1e-3)
    with pytest.raises(ValueError, match="grads must have the structure of params, but is"):
        optimizer.update(grads, optimizer.init(params), params)


@every_optimizer
@pytest.mark.parametrize(
    ("leaf", "what"),
    [
        (torch.tensor([1]), "dtype torch.int64"),
        (torch.tensor([True]), "dtype torch.bool"),
        (torch.tensor([1j]), "dtype torch.complex64"),
        (numpy.zeros(1), "type ndarray"),
        (1.0, "type float"),
    ],
)
def test_parameters_that_are_not_floating_point_tensors_are_refused(optimizer, leaf, what):
    message = f"params at 'layer.0' is of {what}; an optimizer takes floating-point tensors"
    with pytest.raises(TypeError, match=message):
        optimizer.init({"layer": [leaf]})
    with pytest.raises(TypeError, match=f"params is of {what}"):
        optimizer.init(leaf)


@every_optimizer
def test_a_state_of_another_kind_is_refused(optimizer):
    with pytest.raises(TypeError, match="state"):
        optimizer.update(PARAMS, {"step": torch.zeros(())}, PARAMS)


def test_a_state_of_other_parameters_is_refused():
    optimizer = optim.adam(1e-3)
    state = optimizer.init(conv(bias=torch.zeros(7)))
    with pytest.raises(ValueError, match=r"exp_avg at 'conv\.bias'"):
        optimizer.update(PARAMS, state, PARAMS)


def test_updates_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="updates must have the structure of params"):
        optim.apply_updates(PARAMS, conv())


def test_a_chain_takes_optimizers_only_and_at_least_one():
    with pytest.raises(ValueError, match="chain needs at least one optimizer"):
        optim.chain()
    with pytest.raises(TypeError, match="argument 1 is of type float"):
        optim.chain(optim.sgd(0.1), 0.1)
