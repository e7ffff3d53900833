from pathlib import Path
from typing import Any

import pytest
import torch

from n2n.errors import InputError
from n2n.images import Picture, write_image
from n2n.noise import Gaussian, PointSample
from n2n.sources import Source, captures, photos, procedural
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
    with pytest.raises(InputError, match="raise the side"):
        procedural(PointSample(8, 8), size=16, count=4, side=64)


def test_captures_are_cropped_at_the_same_place(tmp_path: Path) -> None:
    first = {f"p{number}": picture(20 + 5 * number, 30, seed=number) for number in range(4)}
    second = {name: Picture(1 - each.pixels) for name, each in first.items()}
    source: Source = captures(folder(tmp_path / "a", **first), folder(tmp_path / "b", **second), size=16)
    assert not source.has_clean
    assert source.shape == (3, 16, 16)
    for noisy, target in (source.draw(50, generator())[:2], source.validation(50, generator())):
        torch.testing.assert_close(noisy, 1 - target)


@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (3, 8), (1, 16), (3, 16)])
def test_captures_keep_channels_and_depth(tmp_path: Path, channels: int, depth: int) -> None:
    sides = [
        {f"p{number}": picture(24, 24, channels, depth, seed=2 * number + side) for number in range(3)}
        for side in range(2)
    ]
    source = captures(folder(tmp_path / "a", **sides[0]), folder(tmp_path / "b", **sides[1]), size=24, flips=False)
    noisy, *_ = source.draw(1, generator())
    assert any(torch.equal(noisy[0], each.pixels) for each in sides[0].values())


def test_a_grey_capture_pairs_with_a_coloured_one(tmp_path: Path) -> None:
    first = folder(tmp_path / "a", a=picture(40, 40, channels=1))
    source = captures(first, folder(tmp_path / "b", a=picture(40, 40)), size=16)
    assert source.draw(3, generator())[0].shape == source.draw(3, generator())[1].shape == (3, 3, 16, 16)


def test_captures_that_do_not_match_are_named(tmp_path: Path) -> None:
    first = folder(tmp_path / "a", a=picture(40, 40), b=picture(40, 40, seed=1))
    alone = folder(tmp_path / "b", a=picture(40, 40, seed=2))
    with pytest.raises(InputError, match=r"a/b\.png has no partner of that name in .*/b"):
        captures(first, alone)
    with pytest.raises(InputError, match=r"a/b\.png has no partner of that name in .*/b"):
        captures(alone, first)
    other_size = folder(tmp_path / "c", a=picture(40, 41, seed=2), b=picture(40, 40, seed=3))
    with pytest.raises(InputError, match=r"a/a\.png is 40×40 and .*c/a\.png is 41×40"):
        captures(first, other_size)
    same = folder(tmp_path / "d", a=picture(40, 40, seed=2), b=picture(40, 40, seed=1))
    with pytest.raises(InputError, match=r"a/b\.png is the same as .*d/b\.png"):
        captures(first, same)
    with pytest.raises(InputError, match="given twice"):
        captures(first, first)
    with pytest.raises(InputError, match=r"a\.png is 40×40, and a crop of 64×64"):
        captures(first, folder(tmp_path / "e", a=picture(40, 40, seed=2), b=picture(40, 40, seed=4)), size=64)


def test_everything_can_be_held_out_to_evaluate_on_it(tmp_path: Path) -> None:
    for number, side in enumerate((40, 50)):
        write_image(tmp_path / f"{number}.png", Picture(torch.rand(3, side, side)))
    source = photos(tmp_path, Gaussian(0, 0), held_out=1)
    assert source.training is source.held_out
    assert len(source.held_out) == 2
