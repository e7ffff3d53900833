"""Winograd's convolutions, beside torch's: sizes that are no multiple of a patch, and their rounding."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tape
from nn.winograd import winograd

side = st.integers(0, 2)


@given(
    size=st.tuples(st.integers(3, 10), st.integers(3, 10)),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    sides=st.tuples(side, side, side, side),
    batch=st.integers(0, 2),
)
def test_winograd_agrees_with_torch(
    size: Any, channels: Any, sides: Any, batch: int, compare: Any, doubles: Any
) -> None:
    compare(
        lambda x, w: winograd(x.permute(0, 2, 3, 1), w, sides).permute(0, 3, 1, 2),
        lambda x, w: F.conv2d(F.pad(x, sides), w),
        doubles(0, batch, channels[0], *size),
        doubles(1, channels[1], channels[0], 3, 3),
    )


@settings(max_examples=10)
@given(size=st.tuples(st.integers(8, 13), st.integers(8, 13)), padding=st.integers(1, 2), bias=st.booleans())
def test_wide_layers_agree_with_torch(size: Any, padding: int, bias: bool, compare: Any, doubles: Any) -> None:
    inputs = [doubles(0, 2, 17, *size), doubles(1, 16, 17, 3, 3), *[doubles(2, 16)] * bias]
    compare(
        lambda x, w, b=None: nn.conv2d(x, w, b, padding=padding),
        lambda x, w, b=None: F.conv2d(x, w, b, padding=padding),
        *inputs,
        second=True,
    )


@pytest.mark.parametrize(("size", "channels", "out_channels"), [(32, 64, 32), (16, 144, 96), (13, 48, 48)])
def test_rounding_stays_within_a_few_times_that_of_torch(size: int, channels: int, out_channels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, channels, size, size, generator=generator)
    w = torch.randn(out_channels, channels, 3, 3, generator=generator) / (9 * channels) ** 0.5
    g = torch.randn(2, out_channels, size, size, generator=generator)

    def exact(x: Any, w: Any) -> Any:
        return nn.conv2d(x, w, padding=1)

    found, pullback = tape.vjp(exact, x, w)
    expected, exact_pullback = tape.vjp(exact, x.double(), w.double())
    torch.testing.assert_close(expected, F.conv2d(x.double(), w.double(), padding=1))
    for ours, true in zip((found, *pullback(g)), (expected, *exact_pullback(g.double())), strict=True):
        assert (ours.double() - true).abs().max() < 1e-5 * true.abs().max()


def test_per_sample_gradients_of_wide_layers_under_vmap(doubles: Any) -> None:
    def loss(w: Any, x: Any) -> Any:
        return nn.conv2d(x, w, padding=1).square().sum()

    w, xs = doubles(0, 16, 16, 3, 3), doubles(1, 3, 16, 8, 9)
    gradients = torch.func.vmap(tape.grad(loss, (0, 1)), in_dims=(None, 0))(w, xs)
    for i, x in enumerate(xs):
        torch.testing.assert_close(tuple(g[i] for g in gradients), tape.grad(loss, (0, 1))(w, x))
