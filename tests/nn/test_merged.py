"""An upsampling merged with the convolution after it, beside torch's one after the other."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

import nn
import tape


def two(low: int, high: int) -> Any:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@given(
    size=two(1, 6),
    channels=two(1, 3),
    groups=st.sampled_from([1, 1, 2]),
    scale=two(1, 4),
    kernel=two(1, 5),
    stride=two(1, 3),
    padding=two(0, 3),
    dilation=two(1, 2),
    bias=st.booleans(),
    layout=st.sampled_from(["contiguous", "channels last", "expanded", "sliced"]),
)
def test_the_merged_convolution_agrees_with_torch(
    size: Any,
    channels: Any,
    groups: int,
    scale: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    bias: bool,
    layout: str,
    compare: Any,
    doubles: Any,
    laid_out: Any,
) -> None:
    sizes = zip(size, scale, kernel, padding, dilation, strict=True)
    assume(all(s * n + 2 * p > d * (k - 1) for n, s, k, p, d in sizes))
    images = laid_out(doubles(0, 2, channels[0] * groups, *size), layout)
    weight = doubles(1, channels[1] * groups, channels[0], *kernel)
    compare(
        lambda x, w, b=None: nn.upsample_conv2d(x, w, b, scale, stride, padding, dilation, groups),
        lambda x, w, b=None: F.conv2d(
            F.interpolate(x, scale_factor=tuple(map(float, scale))), w, b, stride, padding, dilation, groups
        ),
        images,
        weight,
        *[doubles(2, channels[1] * groups)] * bias,
    )


@pytest.mark.parametrize("channels", [2, 17])
@pytest.mark.parametrize("out_channels", [3, 18])
@pytest.mark.parametrize(("scale", "kernel", "stride"), [(2, 3, 1), (3, 4, 2), (2, 2, 1)])
def test_wide_and_narrow_layers_agree_with_torch(
    channels: int, out_channels: int, scale: int, kernel: int, stride: int, compare: Any, doubles: Any
) -> None:
    compare(
        lambda x, w, b: nn.upsample_conv2d(x, w, b, scale, stride, 1),
        lambda x, w, b: F.conv2d(F.interpolate(x, scale_factor=scale), w, b, stride, 1),
        doubles(0, 2, channels, 9, 5),
        doubles(1, out_channels, channels, kernel, kernel),
        doubles(2, out_channels),
        second=True,
    )


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_padding_is_that_of_the_enlarged_image(compare: Any, doubles: Any) -> None:
    compare(
        lambda x, w: nn.upsample_conv2d(x, w, padding="same"),
        lambda x, w: F.conv2d(F.interpolate(x, scale_factor=2), w, padding="same"),
        doubles(0, 1, 2, 3, 4),
        doubles(1, 2, 2, 4, 3),
    )


def test_an_image_without_a_batch(doubles: Any) -> None:
    x, w = doubles(0, 2, 3, 4), doubles(1, 3, 2, 3, 3)
    torch.testing.assert_close(nn.upsample_conv2d(x, w), nn.upsample_conv2d(x.unsqueeze(0), w).squeeze(0))


def test_per_sample_gradients_under_vmap(doubles: Any) -> None:
    def loss(w: Any, x: Any) -> Any:
        return nn.upsample_conv2d(x, w).square().sum()

    for channels in (2, 16):
        w, xs = doubles(0, 3, channels, 3, 3), doubles(1, 3, channels, 4, 3)
        gradients = torch.func.vmap(tape.grad(loss, (0, 1)), in_dims=(None, 0))(w, xs)
        for i, x in enumerate(xs):
            torch.testing.assert_close(tuple(g[i] for g in gradients), tape.grad(loss, (0, 1))(w, x))


def test_a_kernel_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        nn.upsample_conv2d(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 5, 5))
    with pytest.raises(ValueError, match="upsample_conv2d: the weight expects"):
        nn.upsample_conv2d(torch.zeros(1, 2, 2, 2), torch.zeros(1, 1, 2, 2))
