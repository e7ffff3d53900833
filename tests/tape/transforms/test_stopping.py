"""Gradients that are stopped: by stop_gradient, by detach, by torch's guards."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tape import grad, stop_gradient, value_and_grad, vjp
from tests.tape.transforms.comparison import same


def cube(x: Any) -> Any:
    return (x**3).sum()


@pytest.mark.parametrize("stop", [stop_gradient, lambda x: x.detach(), torch.detach])
def test_a_stopped_value_is_a_constant(stop: Callable[..., Any], x: Tensor) -> None:
    same(grad(lambda x: (x * stop(x)).sum())(x), x)


def test_a_stopped_tensor_is_none_of_torchs_variables(x: Tensor) -> None:
    assert not stop_gradient(x.requires_grad_()).requires_grad


def test_stop_gradient_takes_a_pytree(x: Tensor) -> None:
    def f(p: Any) -> Any:
        stopped = stop_gradient({"a": p["a"], "n": 2, "none": None})
        assert stopped["n"] == 2
        return (p["a"] * stopped["a"]).sum()

    same(grad(f)({"a": x}), {"a": x})


@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
def test_a_guard_around_a_call_changes_nothing(guard: Any, x: Tensor) -> None:
    with guard():
        same(value_and_grad(cube)(x), (cube(x), 3 * x**2))
        same(grad(lambda x: grad(cube)(x).sum())(x), 6 * x)
        _, pullback = vjp(torch.sin, x)
        same(pullback(x), (x * torch.cos(x),))
    same(pullback(x.clone()), (x * torch.cos(x),))


@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
def test_a_guard_inside_stops_gradients(guard: Any, x: Tensor) -> None:
    def f(x: Any) -> Any:
        with guard():
            constant = x * 2
        return (x * constant).sum()

    same(grad(f)(x), 2 * x)


def test_a_guard_inside_stops_the_outer_level_of_a_transformation(x: Tensor) -> None:
    def f(x: Any) -> Any:
        with torch.no_grad():
            value, gradient = value_and_grad(cube)(x)
        return value + gradient.sum() + x.sum()

    same(grad(f)(x), torch.ones_like(x))


def test_grad_mode_is_what_it_was_afterwards(x: Tensor) -> None:
    with torch.no_grad():
        grad(cube)(x)
        assert not torch.is_grad_enabled()
    grad(cube)(x)
    assert torch.is_grad_enabled()
