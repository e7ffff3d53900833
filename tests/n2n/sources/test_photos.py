from pathlib import Path
from typing import Any

import pytest
import torch

from n2n.errors import InputError
from n2n.images import Picture, write_image
from n2n.noise import Bernoulli, Gaussian, PointSample, parse_noise
from n2n.sources import Source, photos, procedural
from tests.n2n.samples import flat, folder, generator, picture


def test_photos_of_any_size_give_two_noisy_draws_of_one_scene(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(40, 70), b=picture(96, 33), c=picture(32, 32, channels=1))
    source: Source = photos(path, Gaussian(25, 25))
    assert source.shape == (3, 32, 32)
    assert source.has_clean
    noisy, target, _ = source.draw(200, generator())
    assert noisy.shape == target.shape == (200, 3, 32, 32)
    assert noisy.dtype == target.dtype == torch.float32
    assert float((noisy - target).std()) * 255 == pytest.approx(25 * 2**0.5, rel=0.02)
    assert abs(float((noisy - target).mean())) * 255 < 0.5


@pytest.mark.parametrize("text", ["gaussian:40", "poisson:5", "brown:40"])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_neither_side_of_a_pair_is_clipped(tmp_path: Path, text: str, level: float) -> None:
    source = photos(folder(tmp_path / "a", a=flat(level), b=flat(level)), parse_noise(text), size=16)
    for side in (*source.draw(400, generator())[:2], source.validation(400, generator())[0]):
        assert float(side.mean()) == pytest.approx(level, abs=0.02)
        light = level > 0 or text != "poisson:5"  # without light, photons have no noise
        assert (float(side.min()) < level, float(side.max()) > level) == (light, light)


def test_validation_gives_the_clean_images_of_photos_that_are_never_trained_on(tmp_path: Path) -> None:
    levels = {f"p{number}": number * 20 / 255 for number in range(10)}
    path = folder(tmp_path / "a", **{name: flat(level) for name, level in levels.items()})
    source = photos(path, Gaussian(0, 0), size=16, held_out=0.3)
    trained = set(source.draw(500, generator())[0].mul(255).round().unique().tolist())
    noisy, clean = source.validation(500, generator())
    validated = set(clean.mul(255).round().unique().tolist())
    assert torch.equal(noisy, clean)
    assert len(trained) == 7
    assert len(validated) == 3
    assert not trained & validated


def test_the_held_out_photos_do_not_depend_on_the_seed(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", **{f"p{number}": flat(number / 10) for number in range(10)})
    source = photos(path, Gaussian(0, 0), size=16)
    shades = {float(source.validation(9, generator(seed))[1].mean()) for seed in range(5)}
    assert len({round(shade, 4) for shade in shades}) == 1


@pytest.mark.parametrize("noise", [Gaussian(0, 50), PointSample(), PointSample(2, 3)])
def test_a_source_draws_the_same_bits_from_the_same_seed(tmp_path: Path, noise: Any) -> None:
    source = photos(folder(tmp_path / "a", a=picture(40, 70), b=picture(96, 33)), noise, size=16)
    for draw in (source.draw, source.validation):
        one, other = draw(20, generator(7)), draw(20, generator(7))
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
        assert not torch.equal(one[0], one[1])
        assert not torch.equal(one[0], draw(20, generator(8))[0])


def test_only_grey_photos_give_one_channel(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(40, 40, channels=1), b=picture(40, 40, channels=1))
    source = photos(path, PointSample(), size=16)
    assert source.shape == (1, 16, 16)
    assert source.draw(5, generator())[0].shape == (5, 1, 16, 16)


def test_a_single_photo_is_cut_in_two(tmp_path: Path) -> None:
    half = torch.cat([torch.zeros(3, 90, 40), torch.ones(3, 10, 40)], dim=1)
    source = photos(folder(tmp_path / "a", a=Picture(half)), Gaussian(0, 0), size=10)
    assert float(source.draw(50, generator())[0].max()) == 0
    assert float(source.validation(50, generator())[1].min()) == 1
    with pytest.raises(InputError, match="at least 128 pixels high"):
        photos(folder(tmp_path / "b", a=picture(100, 100)), Gaussian(25, 25), size=64)


def test_a_photo_smaller_than_the_crop_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(90, 90), b=picture(20, 40), c=picture(31, 99))
    with pytest.raises(InputError, match=r"b\.png is 40×20, and 'gaussian:25'.*needs 32×32 pixels: 2 of 3"):
        photos(path, Gaussian(25, 25))


def test_point_sampling_takes_what_a_small_photo_holds_unless_it_is_told_the_cells(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(90, 90), b=picture(40, 45))
    assert photos(path, PointSample()).draw(20, generator())[0].shape == (20, 3, 32, 32)
    with pytest.raises(InputError, match=r"b\.png is 45×40, and 'pointsample:2' at size 32 needs 64×64"):
        photos(path, PointSample(2, 2))


def test_reading_can_be_watched(tmp_path: Path) -> None:
    seen: list[str] = []

    def track(paths: Any) -> Any:
        for path in paths:
            seen.append(path.name)
            yield path

    photos(folder(tmp_path / "a", a=picture(40, 40), b=picture(40, 40)), Gaussian(1, 1), track=track)
    assert seen == ["a.png", "b.png"]


def test_procedural_images_need_no_files() -> None:
    source = procedural(PointSample(2, 4), size=16, count=4, side=64)
    noisy, target, _ = source.draw(50, generator())
    assert noisy.shape == (50, 3, 16, 16)
    assert not torch.equal(noisy, target)
    again = procedural(PointSample(2, 4), size=16, count=4, side=64)
    assert torch.equal(again.draw(50, generator())[0], noisy)
    with pytest.raises(InputError, match="choose a smaller size"):
        procedural(PointSample(8, 8), size=16, count=4, side=64)


def test_everything_can_be_held_out_to_evaluate_on_it(tmp_path: Path) -> None:
    for number, side in enumerate((40, 50)):
        write_image(tmp_path / f"{number}.png", Picture(torch.rand(3, side, side)))
    source = photos(tmp_path, Gaussian(0, 0), held_out=1)
    assert source.training is source.held_out
    assert len(source.held_out) == 2


@pytest.mark.parametrize("text", ["gaussian:25", "bernoulli:0.5", "impulse:0.5", "pointsample:2"])
def test_clean_targets_are_the_clean_images_of_the_same_crops(tmp_path: Path, text: str) -> None:
    path, noise = folder(tmp_path / "a", a=picture(40, 70), b=picture(48, 40)), parse_noise(text)
    noisy, clean, mask = photos(path, noise, size=16, targets="clean").draw(20, generator())
    scenes = photos(path, noise, size=16).training.scenes(20, 16, noise, generator(), flips=True)
    assert torch.equal(clean, noise.clean(scenes))
    assert not torch.equal(noisy, clean)
    assert torch.equal(noisy, photos(path, noise, size=16).draw(20, generator())[0])
    assert mask is None


def test_procedural_images_have_clean_targets_too() -> None:
    sources = [procedural(PointSample(2, 2), 16, count=4, side=64, targets=each) for each in ("noisy", "clean")]
    noisy, clean = (source.draw(200, generator()) for source in sources)
    assert torch.equal(noisy.noisy, clean.noisy)
    noise = noisy.noisy - clean.target
    assert abs(float(noise.mean())) < 0.01
    assert float((noisy.target - clean.target).std()) > 0.01


def test_unknown_targets_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown targets 'cleen'; did you mean 'clean'"):
        procedural(Gaussian(25, 25), targets="cleen")
    with pytest.raises(InputError, match="unknown targets"):
        photos(folder(tmp_path / "a", a=picture(40, 40)), Gaussian(25, 25), targets="")


def test_the_mask_of_dropped_pixels_comes_with_the_pairs(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=flat(0.5), b=flat(0.5))
    _, target, mask = photos(path, Bernoulli(0.5, 0.5)).draw(20, generator())
    assert mask is not None
    assert torch.equal((target > 0).any(1, keepdim=True), mask.bool())


@pytest.mark.parametrize("flips", [True, False])
def test_photos_beyond_the_memory_draw_the_same_bits(tmp_path: Path, flips: bool) -> None:
    path = folder(tmp_path / "a", a=picture(40, 70), b=picture(96, 33), c=picture(32, 32, channels=1))
    sources = [photos(path, PointSample(), size=16, flips=flips, memory=memory) for memory in (None, 1000)]
    for one, other in zip(*(source.draw(30, generator()) for source in sources), strict=True):
        assert one is other is None or torch.equal(one, other)
    made = [procedural(Gaussian(9, 9), size=16, count=13, side=48, memory=memory) for memory in (None, 1000)]
    assert torch.equal(*(source.draw(30, generator()).noisy for source in made))


def test_procedural_images_are_turned_only_if_asked() -> None:
    scenes = [
        procedural(Gaussian(0, 0), 48, count=2, side=48, flips=flips).draw(100, generator()) for flips in (False, True)
    ]
    assert [len(drawn.noisy.flatten(1).unique(dim=0)) for drawn in scenes] == [1, 8]
