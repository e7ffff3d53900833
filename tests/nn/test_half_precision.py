"""Convolutions, pooling and losses in half precision: nothing is rounded or overflows on the way to the result."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import nn
import tape

HALF = [torch.float16, torch.bfloat16]
Function = Callable[..., Any]


def upsampled(x: Any, w: Any) -> Any:
    return F.conv2d(F.interpolate(x, scale_factor=2), w, padding=1)


# Ours, torch's, channels in and out, and the kernel's size.
COMPOSITIONS: dict[str, tuple[Function, Function, int, int, int]] = {
    "wide": (lambda x, w: nn.conv2d(x, w, padding=1), lambda x, w: F.conv2d(x, w, padding=1), 32, 32, 3),
    "narrow": (lambda x, w: nn.conv2d(x, w, padding=1), lambda x, w: F.conv2d(x, w, padding=1), 3, 5, 3),
    "fewer channels": (lambda x, w: nn.conv2d(x, w), F.conv2d, 32, 8, 5),
    "strided": (lambda x, w: nn.conv2d(x, w, stride=2), lambda x, w: F.conv2d(x, w, stride=2), 16, 16, 3),
    "transposed": (
        lambda x, w: nn.conv_transpose2d(x, w.transpose(0, 1), stride=2),
        lambda x, w: F.conv_transpose2d(x, w.transpose(0, 1), stride=2),
        16,
        16,
        4,
    ),
    "upsampled": (lambda x, w: nn.upsample_conv2d(x, w, padding=1), upsampled, 16, 16, 3),
}


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_convolutions_are_as_near_to_float64_as_torchs(name: str, dtype: torch.dtype) -> None:
    ours, theirs, channels, out_channels, size = COMPOSITIONS[name]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, channels, 12, 12, generator=generator).to(dtype)
    w = (torch.randn(out_channels, channels, size, size, generator=generator) / (channels * size**2) ** 0.5).to(dtype)
    required, exact = [t.clone().requires_grad_() for t in (x, w)], [t.double().requires_grad_() for t in (x, w)]
    peer, right = theirs(*required), theirs(*exact)
    found, pullback = tape.vjp(ours, x, w)
    g = torch.randn(right.shape, generator=generator).to(dtype)
    everything = zip(
        (found, *pullback(g)),
        (peer, *torch.autograd.grad(peer, required, g)),
        (right, *torch.autograd.grad(right, exact, g.double())),
        strict=True,
    )
    for mine, other, true in everything:
        assert mine.dtype == dtype
        largest = torch.finfo(dtype).eps * true.abs().max()
        assert error(mine, true) <= 1.2 * error(other, true) + 0.1 * largest


def error(found: Any, right: Any) -> Any:
    return (found.double() - right).abs().max()


@pytest.mark.parametrize("scale", [300.0, 3e4])
def test_gradients_of_large_images_in_float16_are_finite(scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x = (scale * torch.rand(1, 32, 12, 12, generator=generator)).half()
    w = (1e-4 * torch.randn(32, 32, 3, 3, generator=generator)).half()
    gradients = tape.grad(lambda x, w: nn.conv2d(x, w, padding=1).mean(), (0, 1))(x, w)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("padding", [0, 1])
def test_the_mean_of_large_windows_is_finite(padding: int) -> None:
    x = torch.full((1, 2, 6, 6), 6e4, dtype=torch.float16)

    def pooled(x: Any) -> Any:
        return nn.avg_pool2d(x, 3, padding=padding, count_include_pad=False)

    out, pullback = tape.vjp(pooled, x)
    assert (out == 6e4).all()
    assert torch.isfinite(pullback(torch.ones_like(out))[0]).all()


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize(("ours", "theirs"), [(nn.mse_loss, F.mse_loss), (nn.l1_loss, F.l1_loss)])
def test_losses_over_many_entries(ours: Function, theirs: Function, dtype: torch.dtype) -> None:
    x, y = torch.linspace(-200, 200, 70_000).to(dtype), torch.zeros(70_000, dtype=dtype)
    value, gradient = tape.value_and_grad(ours)(x, y)
    expected, true = tape.value_and_grad(ours)(x.double(), y.double())
    assert value.dtype == dtype
    assert abs(value.double() - expected) <= torch.finfo(dtype).eps * expected
    torch.testing.assert_close(gradient.double(), true, rtol=torch.finfo(dtype).eps, atol=2.0**-24)
    torch.testing.assert_close(expected, theirs(x.double(), y.double()))


def test_a_wide_layer_in_half_precision_nests_and_maps() -> None:
    generator = torch.Generator().manual_seed(0)
    w = (0.1 * torch.randn(16, 16, 3, 3, generator=generator)).half()
    xs = torch.randn(2, 1, 16, 8, 8, generator=generator).half()

    def loss(w: Any, x: Any) -> Any:
        return nn.conv2d(x, w, padding=1).float().square().mean()

    gradients = torch.func.vmap(tape.grad(loss), in_dims=(None, 0))(w, xs)
    assert gradients.dtype == torch.float16
    for gradient, x in zip(gradients, xs, strict=True):
        torch.testing.assert_close(gradient, tape.grad(loss)(w, x), rtol=1e-2, atol=1e-3)
    _, product = tape.jvp(tape.grad(lambda w: loss(w, xs[0])), (w,), (w,))
    torch.testing.assert_close(product, tape.grad(lambda w: loss(w, xs[0]))(w), rtol=1e-2, atol=1e-3)
