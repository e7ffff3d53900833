"""Every composition that a convolution's shape may choose, beside torch's convolution."""

from typing import Any

import pytest
import torch.nn.functional as F

import nn


@pytest.mark.parametrize("channels", [2, 15, 16, 17])
@pytest.mark.parametrize("out_channels", [3, 16, 18])
@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        ((3, 3), {"padding": 1}),
        ((3, 3), {"stride": 2, "padding": (0, 1)}),
        ((2, 2), {"stride": 2}),
        ((2, 3), {"dilation": 2}),
        ((1, 1), {}),
    ],
)
@pytest.mark.parametrize("layout", ["contiguous", "channels last"])
def test_narrow_and_wide_layers_agree_with_torch(
    channels: int, out_channels: int, kernel: Any, options: Any, layout: str, compare: Any, doubles: Any, laid_out: Any
) -> None:
    compare(
        lambda x, w, b: nn.conv2d(x, w, b, **options),
        lambda x, w, b: F.conv2d(x, w, b, **options),
        laid_out(doubles(0, 2, channels, 9, 10), layout),
        doubles(1, out_channels, channels, *kernel),
        doubles(2, out_channels),
    )
