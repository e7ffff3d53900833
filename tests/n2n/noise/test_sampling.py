import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from n2n.noise import PointSample, parse_noise
from n2n.noise.scenes import Scenes
from tests.n2n.noise.helpers import correlation, pictures
from tests.n2n.samples import generator

PER_WINDOW = ("first", "sides", "strides", "mirrored")
seeds = st.integers(0, 2**32 - 1)


def test_the_clean_picture_of_point_sampling_is_the_mean_of_each_cell() -> None:
    images = pictures(2, 24, 37)
    noise = PointSample(4, 4)
    torch.testing.assert_close(
        noise.clean(Scenes.whole(images, noise)), torch.nn.functional.avg_pool2d(images[..., :36], 4)
    )


def test_the_noisy_picture_of_point_sampling_has_a_pixel_of_each_cell() -> None:
    # Each pixel's value is its place, the same in all channels.
    places = torch.arange(24 * 36.0).view(1, 1, 24, 36).expand(3, 3, -1, -1) / 1000
    noise = PointSample(6, 6)
    noisy = noise.noisy(Scenes.whole(places, noise), generator())
    assert noisy.shape == (3, 3, 4, 6)
    assert torch.equal(noisy[:, :1].expand(-1, 3, -1, -1), noisy)
    place = (noisy * 1000).round().long()
    rows, columns = torch.arange(4)[:, None].expand(4, 6), torch.arange(6).expand(4, 6)
    assert torch.equal(place[:, 0] // 36 // 6, rows.expand(3, 4, 6))
    assert torch.equal(place[:, 0] % 36 // 6, columns.expand(3, 4, 6))


@settings(max_examples=10)
@given(seeds, st.integers(20, 47))
def test_the_mean_of_many_samples_is_the_clean_picture_also_for_cells_of_a_fraction(seed: int, side: int) -> None:
    count = 2000
    scenes = Scenes(
        pixels=pictures(1, side, side, seed=seed)[0].permute(1, 2, 0).reshape(-1, 3),
        first=torch.zeros(count, dtype=torch.int64),
        sides=torch.full((2, count), side),
        strides=torch.tensor([side, 1])[:, None].expand(2, count),
        mirrored=torch.zeros(2, count, dtype=torch.bool),
        shape=(8, 8),
    )
    clean = replace(scenes, **{name: getattr(scenes, name)[..., :1] for name in PER_WINDOW}).mean()[0]
    mean = scenes.sample(generator(seed)).mean(0)
    assert float((mean - clean).abs().max()) < 5.5 * 0.3 / math.sqrt(count)


def test_a_sample_has_the_variance_of_its_cell_and_the_colours_of_the_picture() -> None:
    noise = PointSample(8, 8)
    image = pictures(1, 16, 24)
    image[:, 1] = 0.7 * image[:, 0] + 0.3 * image[:, 1]  # green goes with red, blue with neither
    count = 6000
    samples = noise.noisy(Scenes.whole(image.expand(count, -1, -1, -1), noise), generator())
    cells = image[0].unfold(1, 8, 8).unfold(2, 8, 8).flatten(3)
    torch.testing.assert_close(samples.var(0), cells.var(-1, unbiased=False), rtol=8 / math.sqrt(count), atol=0)
    in_cells = [correlation(cells[0, 1, 1], cells[channel, 1, 1]) for channel in (1, 2)]
    sampled = [correlation(samples[:, 0, 1, 1], samples[:, channel, 1, 1]) for channel in (1, 2)]
    assert sampled == pytest.approx(in_cells, abs=6 / math.sqrt(count))
    assert sampled[0] > 0.7


def test_samples_are_not_clipped() -> None:
    noise = PointSample(4, 4)
    images = 3 * pictures(2, 32, 32) - 1
    noisy = noise.noisy(Scenes.whole(images, noise), generator())
    assert float(noisy.min()) < -0.5
    assert float(noisy.max()) > 1.5


def test_two_samples_of_one_scene_are_independent_and_white() -> None:
    noise = PointSample(8, 8)
    scenes = Scenes.whole(pictures(8, 256, 256, channels=1), noise)
    clean, drawing = noise.clean(scenes), generator()
    one, other = noise.noisy(scenes, drawing) - clean, noise.noisy(scenes, drawing) - clean
    bound = 6 / math.sqrt(one.numel())
    assert abs(correlation(one, other)) < bound
    assert abs(correlation(one[..., 1:], one[..., :-1])) < bound
    assert abs(correlation(one[..., 1:, :], one[..., :-1, :])) < bound


def test_a_window_may_be_transposed_and_mirrored() -> None:
    image = pictures(1, 12, 12)
    noise = PointSample(3, 3)
    scenes = Scenes.whole(image, noise)
    turned = Scenes(
        scenes.pixels,
        scenes.first,
        scenes.sides,
        strides=scenes.strides.flip(0),
        mirrored=torch.tensor([[True], [False]]),
        shape=scenes.shape,
    )
    expected = scenes.mean().transpose(2, 3).flip(2)
    torch.testing.assert_close(turned.mean(), expected)
    many = torch.stack([turned.sample(generator(seed)) for seed in range(500)])
    assert float((many.mean(0) - expected).abs().max()) < 0.1


@given(st.integers(1, 64), st.integers(1, 2000), st.sampled_from(["gaussian:25", "pointsample", "pointsample:3-9.5"]))
def test_windows_fit_into_the_photo(size: int, shorter: int, text: str) -> None:
    noise = parse_noise(text)
    if shorter >= noise.smallest(size):
        least, most = noise.sides(size, torch.tensor([shorter]))
        assert size <= int(least) <= int(most) <= shorter


def test_point_sampling_without_numbers_takes_cells_of_six_pixels_to_the_whole_photo() -> None:
    least, most = PointSample().sides(32, torch.tensor([500, 192, 100]))
    assert least.tolist() == [192, 192, 100]
    assert most.tolist() == [500, 192, 100]
    least, most = PointSample(8, 12).sides(32, torch.tensor([500, 300]))
    assert least.tolist() == [256, 256]
    assert most.tolist() == [384, 300]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
@pytest.mark.parametrize("channels", [1, 4])
def test_whole_numbers_of_both_depths_are_read(dtype: torch.dtype, channels: int) -> None:
    most = 255 if dtype == torch.uint8 else 65535
    values = torch.randint(0, most + 1, (36, channels), generator=generator())
    scenes = Scenes(
        pixels=values.to(dtype),
        first=torch.tensor([7]),
        sides=torch.tensor([[4], [4]]),
        strides=torch.tensor([[6], [1]]),
        mirrored=torch.zeros(2, 1, dtype=torch.bool),
        shape=(4, 4),
    )
    colours = min(channels, 3)
    expected = values.view(6, 6, channels)[1:5, 1:5, :colours].permute(2, 0, 1)[None] / most
    torch.testing.assert_close(scenes.mean(), expected)
    assert torch.equal(scenes.sample(generator()), scenes.mean())
