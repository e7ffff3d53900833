"""Upsampling, beside torch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import nn
import tape

layouts = st.sampled_from(["contiguous", "channels last", "expanded", "sliced"])
shapes = st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 6), st.integers(1, 6))


@given(shape=shapes, scale=st.integers(1, 4) | st.tuples(st.integers(1, 4), st.integers(1, 4)), layout=layouts)
def test_nearest_upsampling_agrees_with_torch(
    shape: Any, scale: Any, layout: str, compare: Any, doubles: Any, laid_out: Any
) -> None:
    images = laid_out(doubles(0, *shape), layout)
    compare(
        lambda x: nn.upsample_nearest(x, scale),
        lambda x: F.interpolate(x, scale_factor=scale if isinstance(scale, int) else tuple(map(float, scale))),
        images,
    )


@given(
    shape=shapes,
    options=st.one_of(
        st.builds(dict, size=st.integers(1, 9) | st.tuples(st.integers(1, 9), st.integers(1, 9))),
        st.builds(
            dict,
            scale_factor=st.sampled_from([1, 2, 3.0, 1.5, 2.3, (2, 1.5), (1.7, 3), (2.0, 3.0)]),
            recompute_scale_factor=st.sampled_from([None, True, False]),
        ),
        st.builds(dict, scale_factor=st.sampled_from([1.0, 1.25, 1.9]), mode=st.just("nearest")),
    ),
    layout=layouts,
)
def test_interpolate_agrees_with_torch(
    shape: Any, options: dict[str, Any], layout: str, compare: Any, doubles: Any, laid_out: Any
) -> None:
    images = laid_out(doubles(0, *shape), layout)
    compare(lambda x: nn.interpolate(x, **options), lambda x: F.interpolate(x, **options), images)


@pytest.mark.parametrize("scale", [0.5, 0.34])
def test_interpolate_shrinks_as_torch_does(scale: float, compare: Any, doubles: Any) -> None:
    images = doubles(0, 1, 2, 7, 6)
    compare(lambda x: nn.interpolate(x, scale_factor=scale), lambda x: F.interpolate(x, scale_factor=scale), images)


def test_upsampling_and_convolution_are_one_after_the_other(compare: Any, doubles: Any) -> None:
    inputs = doubles(0, 2, 3, 4, 5), doubles(1, 4, 3, 3, 2), doubles(2, 4)
    compare(
        lambda x, w, b: nn.upsample_conv2d(x, w, b, 2, stride=2, padding=1, dilation=(1, 2)),
        lambda x, w, b: F.conv2d(F.interpolate(x, scale_factor=2), w, b, stride=2, padding=1, dilation=(1, 2)),
        *inputs,
        second=True,
    )
    compare(
        lambda x, w: nn.upsample_conv2d(x, w, scale_factor=(3, 2), groups=3),
        lambda x, w: F.conv2d(F.interpolate(x, scale_factor=(3.0, 2.0)), w, groups=3),
        inputs[0],
        doubles(3, 3, 1, 2, 2),
    )


def test_traced_calls_of_torchs_functions_are_composed(doubles: Any) -> None:
    images = doubles(0, 1, 2, 3, 4)
    calls: list[Callable[[Any], Any]] = [
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: F.interpolate(x, size=(5, 7), mode="nearest"),
        torch.nn.Upsample(scale_factor=2),
    ]
    for call in calls:
        required = images.clone().requires_grad_()
        expected = call(required)
        out, pullback = tape.vjp(call, images)
        torch.testing.assert_close(out, expected.detach())
        torch.testing.assert_close(pullback(out), torch.autograd.grad(expected, required, out))


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((1, 1, 2, 2), {}, "either size or scale_factor"),
        ((1, 1, 2, 2), {"size": 2, "scale_factor": 2}, "either size or scale_factor"),
        ((1, 1, 2, 2), {"scale_factor": 2, "mode": "bilinear"}, "mode='nearest'"),
        ((1, 1, 2, 2), {"scale_factor": 2, "align_corners": True}, "align_corners"),
        ((1, 1, 2, 2), {"scale_factor": 2, "antialias": True}, "antialias"),
        ((1, 1, 2, 2), {"size": (1, 2, 3)}, "size must be one integer"),
        ((1, 1, 2, 2), {"size": 0}, "size must be at least 1"),
        ((1, 1, 2, 2), {"scale_factor": (1.0, 2.0, 3.0)}, "scale_factor"),
        ((1, 1, 2, 2), {"scale_factor": 0.1}, "scale_factor 0.1 leaves nothing"),
        ((1, 2, 2), {"scale_factor": 2}, r"\(N, C, H, W\), not \(1, 2, 2\)"),
        ((1, 1, 2, 2, 2), {"scale_factor": 2}, r"\(N, C, H, W\)"),
    ],
)
def test_what_interpolate_does_not_do_is_refused(shape: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        nn.interpolate(torch.zeros(shape), **options)


@pytest.mark.parametrize("scale", [0, -1, (2, 0), (1, 2, 3)])
def test_a_scale_that_is_none_is_refused(scale: Any) -> None:
    with pytest.raises(ValueError, match="scale_factor must be"):
        nn.upsample_nearest(torch.zeros(1, 1, 2, 2), scale)
