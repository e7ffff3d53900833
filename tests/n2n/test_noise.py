import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from n2n.errors import InputError
from n2n.noise import Gaussian, Noise, PixelNoise, PointSample, Poisson, noises, parse_noise
from n2n.scenes import Scenes

PER_WINDOW = ("first", "sides", "strides", "mirrored")
seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, height: int, width: int, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.rand(count, channels, height, width, generator=generator(seed))


def correlation(x: Tensor, y: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1])


# Strings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("gaussian:25", Gaussian(25, 25)),
        (" Gaussian : 0 - 50 ", Gaussian(0, 50)),
        ("gaussian:.5", Gaussian(0.5, 0.5)),
        ("poisson:30", Poisson(30, 30)),
        ("poisson:0-50", Poisson(0, 50)),
        ("pointsample", PointSample()),
        ("pointsample:8", PointSample(8, 8)),
        ("pointsample:6-12.5", PointSample(6, 12.5)),
    ],
)
def test_a_noise_is_one_string(text: str, noise: Noise) -> None:
    assert parse_noise(text) == noise


@given(st.sampled_from([Gaussian, Poisson, PointSample]), st.floats(1.0001, 1e6), st.floats(0, 1e6))
def test_a_noise_prints_as_the_string_that_makes_it(
    model: type[PixelNoise] | type[PointSample], low: float, more: float
) -> None:
    noise = model(low, low + more)
    assert parse_noise(str(noise)) == noise


def test_every_registered_noise_has_its_name() -> None:
    for name, model in noises.items():
        assert str(model(6.0, 8.0)) == f"{name}:6-8"
    assert str(parse_noise("pointsample")) == "pointsample"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("guassian:25", "did you mean 'gaussian'"),
        ("", "unknown noise ''"),
        ("gaussian", "gaussian:SIGMA"),
        ("gaussian:", "gaussian:SIGMA"),
        ("gaussian:-5", "gaussian:SIGMA"),
        ("gaussian:25dB", "gaussian:SIGMA"),
        ("gaussian:nan", "gaussian:SIGMA"),
        ("gaussian:1-2-3", "gaussian:SIGMA"),
        ("gaussian:50-0", "write 0-50"),
        ("poisson", "poisson:PEAK"),
        ("poisson:0", "positive"),
        ("pointsample:", "pointsample:CELL"),
        ("pointsample:1", "wider than 1 pixel"),
        ("pointsample:0.5-4", "wider than 1 pixel"),
    ],
)
def test_a_garbled_string_is_answered_with_the_right_one(text: str, answer: str) -> None:
    with pytest.raises(InputError, match=answer):
        parse_noise(text)


# Noise of pixels --------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(seeds, st.floats(1, 100), st.floats(0, 1))
def test_gaussian_noise_has_its_mean_and_deviation(seed: int, sigma: float, level: float) -> None:
    clean = torch.full((2, 3, 64, 64), level)
    noise = (Gaussian(sigma, sigma)(clean, generator(seed)) - clean) * 255
    assert abs(float(noise.mean())) < 6 * sigma / math.sqrt(noise.numel())
    assert float(noise.std()) == pytest.approx(sigma, rel=0.03)


@settings(max_examples=15)
@given(seeds, st.floats(1, 100), st.floats(0.05, 1))
def test_poisson_noise_has_its_mean_and_variance(seed: int, peak: float, level: float) -> None:
    clean = torch.full((2, 3, 64, 64), level)
    noise = Poisson(peak, peak)(clean, generator(seed)) - clean
    deviation = math.sqrt(level / peak)
    assert abs(float(noise.mean())) < 6 * deviation / math.sqrt(noise.numel())
    kurtosis = 3 + 1 / (peak * level)
    assert float(noise.square().mean()) == pytest.approx(
        deviation**2, rel=6 * math.sqrt((kurtosis - 1) / noise.numel())
    )


def test_poisson_noise_counts_whole_photons() -> None:
    counts = Poisson(7, 7)(pictures(1, 16, 16), generator()) * 7
    torch.testing.assert_close(counts, counts.round())


@settings(max_examples=10)
@given(st.sampled_from([Gaussian(25, 25), Poisson(30, 30)]), seeds)
def test_two_draws_are_independent(noise: PixelNoise, seed: int) -> None:
    clean, drawing = pictures(4, 64, 64), generator(seed)
    one, other = noise(clean, drawing) - clean, noise(clean, drawing) - clean
    assert abs(correlation(one, other)) < 7 / math.sqrt(one.numel())


@pytest.mark.parametrize("noise", [Gaussian(40, 40), Poisson(5, 5)])
def test_noise_is_not_clipped_and_changes_nothing(noise: PixelNoise) -> None:
    clean = torch.cat([torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)])
    before = clean.clone()
    noisy = noise(clean, generator())
    assert torch.equal(clean, before)
    assert float(noisy.max()) > 1
    assert float(noisy.min()) < 0 or isinstance(noise, Poisson)


def test_a_range_draws_a_strength_for_each_image() -> None:
    clean = torch.zeros(400, 1, 16, 16)
    deviations = Gaussian(10, 50)(clean, generator()).std(dim=(1, 2, 3)) * 255
    assert float(deviations.min()) == pytest.approx(10, abs=2)
    assert float(deviations.max()) == pytest.approx(50, abs=6)
    assert float(deviations.mean()) == pytest.approx(30, abs=2)


def test_a_range_of_counts_may_begin_at_none() -> None:
    noisy = Poisson(0, 1e-6 + 1e-3)(torch.ones(4, 1, 8, 8), generator())
    assert bool(noisy.isfinite().all())


@pytest.mark.parametrize("text", ["gaussian:25", "gaussian:0-50", "poisson:30", "pointsample"])
def test_the_same_seed_gives_the_same_bits(text: str) -> None:
    noise = parse_noise(text)
    scenes = Scenes.whole(pictures(2, 48, 60), noise)
    assert torch.equal(noise.noisy(scenes, generator(3)), noise.noisy(scenes, generator(3)))
    assert not torch.equal(noise.noisy(scenes, generator(3)), noise.noisy(scenes, generator(4)))


@pytest.mark.parametrize("noise", [Gaussian(25, 25), Poisson(30, 30)])
def test_noise_of_pixels_keeps_the_picture_that_it_is_given(noise: Noise) -> None:
    images = pictures(2, 13, 17)
    scenes = Scenes.whole(images, noise)
    assert torch.equal(noise.clean(scenes), images)
    assert noise.noisy(scenes, generator()).shape == images.shape


# Point sampling ---------------------------------------------------------------------------------------------


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
