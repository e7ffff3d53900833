import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

import nn
from n2n.networks.any_size import in_tiles, padded_to

sides = st.integers(1, 13)

# Gives back the sizes that 4 divides, and fills each square of 4 pixels with the one at its corner.
CORNERS = nn.serial(nn.elementwise(lambda x: x[:, :, ::4, ::4]), nn.UpsampleNearest(4))
# Fills each image with its mean.
MEAN = nn.elementwise(lambda x: x.mean((2, 3), keepdim=True).expand(x.shape))


@given(height=sides, width=sides)
def test_a_padded_layer_sees_the_image_at_its_place(height: int, width: int) -> None:
    x = torch.rand(2, 3, height, width)
    out = padded_to(4, CORNERS).apply({}, x)
    assert torch.equal(out, x[:, :, [4 * (i // 4) for i in range(height)]][..., [4 * (i // 4) for i in range(width)]])


@given(height=sides, width=sides)
def test_tiles_are_put_back_in_their_places_and_see_nothing_of_each_other(height: int, width: int) -> None:
    x = torch.rand(2, 3, height, width)
    whole = F.pad(x, (0, -width % 4, 0, -height % 4), mode="replicate")
    means = F.avg_pool2d(whole, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)[:, :, :height, :width]
    torch.testing.assert_close(in_tiles(4, MEAN).apply({}, x), means)


def test_images_that_fit_reach_the_layer_as_they_are() -> None:
    seen = []
    layer = nn.elementwise(lambda x: seen.append(x) or x)  # type: ignore[func-returns-value]
    x = torch.rand(2, 3, 4, 4)
    assert padded_to(4, layer).apply({}, x) is x
    assert in_tiles(4, layer).apply({}, x) is x
    assert all(found is x for found in seen)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 8), (9, 3)])
def test_init_gives_the_shape_that_comes_out(height: int, width: int) -> None:
    for wrap in (padded_to, in_tiles):
        net = wrap(4, nn.serial(nn.Conv2d(2, 4, stride=4), nn.UpsampleNearest(4)))
        params, shape = net.init(Generator().manual_seed(0), (3, height, width))
        assert shape == (2, height, width) == net.apply(params, torch.rand(1, 3, height, width)).shape[1:]
