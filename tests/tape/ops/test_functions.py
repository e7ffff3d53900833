"""Elementwise functions at their kinks and edges, where torch's convention holds."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

import tape


@pytest.mark.parametrize(
    ("f", "kinks"),
    [
        (torch.abs, (0.0, -0.0)),
        (torch.relu, (0.0, -0.0)),
        (F.leaky_relu, (0.0,)),
        (lambda x: torch.clamp(x, -1, 1), (-1.0, 1.0)),
        (lambda x: torch.clamp(x, min=0.0), (0.0, 1.0)),
        (lambda x: torch.clamp(x, max=0.0), (0.0, -1.0)),
        (lambda x: torch.clamp(x, 1, -1), (-1.0, 0.0, 1.0)),
        (lambda x: F.softplus(x, 1.0, 20.0), (20.0, 25.0, -50.0, 0.0)),
        (lambda x: F.softplus(x, 2.0, 3.0), (1.4, 1.6)),
        (torch.sigmoid, (-800.0, 800.0, 0.0)),
        (torch.tanh, (-400.0, 400.0)),
        (torch.square, (0.0,)),
    ],
)
def test_the_derivative_is_torchs(f: Any, kinks: tuple[float, ...], agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(f, doubles(*kinks))


@pytest.mark.parametrize(
    ("f", "edge"),
    [
        (torch.sqrt, 0.0),
        (torch.log, 0.0),
        (torch.rsqrt, 0.0),
        (torch.reciprocal, 0.0),
        (torch.asin, 1.0),
        (torch.log1p, -1.0),
    ],
)
def test_an_infinite_derivative_is_infinite(f: Any, edge: float, agrees_with_torch: Any, doubles: Any) -> None:
    agrees_with_torch(f, doubles(edge), second=False)
    assert tape.grad(lambda x: f(x).sum())(doubles(edge)).isinf().all()


def test_no_number_is_lost_where_a_function_saturates(doubles: Any) -> None:
    for f in (torch.sigmoid, F.softplus, torch.tanh):
        gradient = tape.grad(lambda x, f=f: f(x).sum())(doubles(-1000, 1000))
        assert gradient.isfinite().all()


def test_clamping_needs_an_edge(doubles: Any) -> None:
    with pytest.raises((ValueError, RuntimeError), match="At least one of 'min' or 'max'"):
        tape.vjp(torch.clamp, doubles(1))
