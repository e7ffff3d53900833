import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.images import Picture, write_image
from n2n.noise import Gaussian, PointSample, Scenes
from n2n.sources import (
    Album,
    Source,
    TensorPairs,
    Tensors,
    captures,
    photos,
    procedural,
    read_tensors,
    tensors,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(height: int, width: int, channels: int = 3, depth: int = 8, seed: int = 0) -> Picture:
    most = 2**depth - 1
    values = torch.randint(0, most + 1, (channels, height, width), generator=generator(seed))
    return Picture(values / most, depth=depth)


def folder(path: Path, **pictures: Picture) -> Path:
    path.mkdir()
    for name, each in pictures.items():
        write_image(path / f"{name}.{'tif' if each.depth == 16 else 'png'}", each)
    return path


def flat(level: float, height: int = 48, width: int = 48, channels: int = 3) -> Picture:
    """A picture of one shade, by which its crops are known again."""
    return Picture(torch.full((channels, height, width), level))


# Photos -----------------------------------------------------------------------------------------------------


def test_photos_of_any_size_give_two_noisy_draws_of_one_scene(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(40, 70), b=picture(96, 33), c=picture(32, 32, channels=1))
    source: Source = photos(path, Gaussian(25, 25))
    assert source.shape == (3, 32, 32)
    assert source.has_clean
    noisy, target = source.draw(200, generator())
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
    noisy, target = source.draw(50, generator())
    assert noisy.shape == (50, 3, 16, 16)
    assert not torch.equal(noisy, target)
    again = procedural(PointSample(2, 4), size=16, count=4, side=64)
    assert torch.equal(again.draw(50, generator())[0], noisy)
    with pytest.raises(InputError, match="raise the side"):
        procedural(PointSample(8, 8), size=16, count=4, side=64)


# Captures ---------------------------------------------------------------------------------------------------


def test_captures_are_cropped_at_the_same_place(tmp_path: Path) -> None:
    first = {f"p{number}": picture(20 + 5 * number, 30, seed=number) for number in range(4)}
    second = {name: Picture(1 - each.pixels) for name, each in first.items()}
    source: Source = captures(folder(tmp_path / "a", **first), folder(tmp_path / "b", **second), size=16)
    assert not source.has_clean
    assert source.shape == (3, 16, 16)
    for noisy, target in (source.draw(50, generator()), source.validation(50, generator())):
        torch.testing.assert_close(noisy, 1 - target)


@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (3, 8), (1, 16), (3, 16)])
def test_captures_keep_channels_and_depth(tmp_path: Path, channels: int, depth: int) -> None:
    sides = [
        {f"p{number}": picture(24, 24, channels, depth, seed=2 * number + side) for number in range(3)}
        for side in range(2)
    ]
    source = captures(folder(tmp_path / "a", **sides[0]), folder(tmp_path / "b", **sides[1]), size=24, flips=False)
    noisy, _ = source.draw(1, generator())
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
    with pytest.raises(InputError, match=r"a/b\.png is the same in"):
        captures(first, same)
    with pytest.raises(InputError, match="given twice"):
        captures(first, first)
    with pytest.raises(InputError, match=r"a\.png is 40×40, and a crop of 64×64"):
        captures(first, folder(tmp_path / "e", a=picture(40, 40, seed=2), b=picture(40, 40, seed=4)), size=64)


# Albums -----------------------------------------------------------------------------------------------------


def test_an_album_gives_back_its_pictures() -> None:
    pictures = [picture(5, 9), picture(8, 3, channels=1), picture(4, 4, depth=16)]
    for chosen in (pictures[:1], pictures[1:2], pictures[2:], pictures):
        album = Album.of(chosen)
        assert len(album) == len(chosen)
        for number, each in enumerate(chosen):
            expected = each.pixels.expand(album.channels, -1, -1)
            torch.testing.assert_close(album.picture(number), expected, atol=1e-6, rtol=0)


def test_crops_are_in_all_eight_orientations_of_places_in_the_picture() -> None:
    image = picture(6, 5)
    windows = [image.pixels[:, y : y + 4, x : x + 4] for y in range(3) for x in range(2)]
    scenes = Album.of([image]).scenes(2000, 4, Gaussian(0, 0), generator(), flips=True)
    seen = {tuple(crop.flatten().tolist()) for crop in scenes.mean()}
    turned = [crop.rot90(turns, (1, 2)) for crop in windows for turns in range(4)]
    expected = [each for crop in turned for each in (crop, crop.flip(2))]
    assert len(seen) == 6 * 8
    assert seen == {tuple(each.flatten().tolist()) for each in expected}


def test_the_noise_does_not_depend_on_the_orientation() -> None:
    album = Album.of([picture(64, 64)])
    scenes: Scenes = album.scenes(1000, 8, PointSample(8, 8), generator(), flips=True)
    noise = scenes.sample(generator()) - scenes.mean()
    assert float(noise.mean(0).abs().max()) < 0.05
    assert float(noise.std()) == pytest.approx(3**-0.5 / 2, rel=0.03)


# Tensor files -----------------------------------------------------------------------------------------------


def images(count: int, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (count, channels, 8, 8), generator=generator(seed), dtype=torch.uint8)


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_the_course_file_is_two_tensors(tmp_path: Path) -> None:
    noisy, target = images(50), images(50, seed=1)
    source: Source = tensors(saved(tmp_path / "train.pkl", (noisy, target)))
    assert source.shape == (3, 8, 8)
    assert not source.has_clean
    known = {tuple(one.flatten().tolist()): other for one, other in zip(noisy, target, strict=True)}
    for one, other in zip(*source.draw(20, generator()), strict=True):
        assert torch.equal(known[tuple(one.mul(255).round().int().flatten().tolist())], other.mul(255).round())


def test_validation_of_a_tensor_file_is_never_trained_on(tmp_path: Path) -> None:
    shades = torch.arange(50, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).contiguous()
    source = tensors(saved(tmp_path / "train.pkl", (shades, shades)), held_out=0.2)
    trained = set(source.draw(2000, generator())[0].mul(255).round().unique().tolist())
    validated = source.validation(10, generator())[0][:, 0, 0, 0].mul(255).round().tolist()
    assert len(set(validated)) == 10
    assert len(trained) == 40
    assert not trained & set(validated)
    assert source.validation(25, generator())[0].shape[0] == 25


def test_a_validation_file_has_clean_images(tmp_path: Path) -> None:
    train = saved(tmp_path / "train.pkl", (images(10), images(10, seed=1)))
    noisy, clean = images(4, seed=2), images(4, seed=3)
    source = tensors(train, saved(tmp_path / "val.pkl", (noisy, clean)))
    assert source.has_clean
    assert len(source.training.noisy) == 10
    assert set(source.validation(4, generator())[1].unique().tolist()) == set((clean / 255).unique().tolist())
    with pytest.raises(InputError, match=r"val1\.pkl holds images \(1, 8, 8\)"):
        tensors(train, saved(tmp_path / "val1.pkl", (images(4, channels=1), images(4, channels=1))))


@pytest.mark.parametrize("second", ["clean", "target"])
def test_an_npz_says_whether_its_images_are_clean(tmp_path: Path, second: str) -> None:
    arrays = {"noisy": images(6).numpy(), second: images(6, seed=1).numpy(), "index": np.arange(6)}
    np.savez(tmp_path / "a.npz", **arrays)
    pairs = read_tensors(tmp_path / "a.npz")
    assert pairs.clean == (second == "clean")
    noisy, other = pairs.images()
    assert torch.equal(noisy, images(6) / 255)
    assert torch.equal(other, images(6, seed=1) / 255)
    assert tensors(tmp_path / "a.npz").has_clean == (second == "clean")


def test_floating_images_are_taken_as_they_are(tmp_path: Path) -> None:
    values = torch.rand(3, 1, 8, 8, dtype=torch.float64) * 1.5 - 0.25
    noisy, _ = read_tensors(saved(tmp_path / "a.pt", (values, values))).images()
    assert torch.equal(noisy, values.float())


class Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_tensor_file_does_not_run(tmp_path: Path, zipped: bool) -> None:
    path, trace = tmp_path / "train.pkl", tmp_path / "ran"
    if zipped:
        torch.save((images(2), Harmful(trace)), path)
    else:
        path.write_bytes(pickle.dumps((images(2).numpy(), Harmful(trace))))
    with pytest.raises(InputError, match=r"train\.pkl holds more than tensors, which is not run"):
        read_tensors(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (images(2), "not a pair of tensors"),
        ((images(2), images(2), images(2)), "not a pair of tensors"),
        ({"noisy": images(2)}, "not a pair of tensors"),
        ((images(2), "clean"), "not a pair of tensors"),
        ((images(2), images(3)), r"\(2, 3, 8, 8\) and \(3, 3, 8, 8\)"),
        ((images(2)[0], images(2)[0]), "two of one shape"),
        ((images(2, channels=2), images(2, channels=2)), "two of one shape"),
        ((images(0), images(0)), "two of one shape"),
        ((images(2).int(), images(2).int()), "int32 numbers"),
        ((images(2).float(), images(2).float()), "so that white is 1"),
        ((images(2) / torch.zeros(1), images(2) / 255), "finite"),
    ],
)
def test_a_tensor_file_that_is_not_two_image_tensors_is_named(tmp_path: Path, content: object, why: str) -> None:
    with pytest.raises(InputError, match=rf"train\.pkl .*{why}"):
        read_tensors(saved(tmp_path / "train.pkl", content))


def test_damaged_tensor_files_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "train.pkl", (images(4), images(4)))
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"train\.pkl"):
            read_tensors(path)
    with pytest.raises(InputError, match="no such file"):
        read_tensors(tmp_path / "none.pkl")
    (tmp_path / "a.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"a\.npz"):
        read_tensors(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", first=np.zeros(3), second=np.zeros(3))
    with pytest.raises(InputError, match=r"b\.npz holds first, second: 'noisy'"):
        read_tensors(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", noisy=np.array(["a"]), clean=np.array(["b"]))
    with pytest.raises(InputError, match=r"c\.npz holds arrays that are not of numbers"):
        read_tensors(tmp_path / "c.npz")
    with pytest.raises(InputError, match="holds one pair"):
        tensors(saved(tmp_path / "one.pkl", (images(1), images(1))))


def test_a_draw_shares_no_memory_with_the_file_s_images() -> None:
    values = torch.rand(4, 1, 8, 8)
    source = Tensors(TensorPairs(values, values, True), TensorPairs(values, values, True))
    before = values.clone()
    for drawn in (source.draw(4, generator()), source.validation(4, generator())):
        drawn[0].zero_()
    assert torch.equal(values, before)


def test_everything_can_be_held_out_to_evaluate_on_it(tmp_path: Path) -> None:
    for number, side in enumerate((40, 50)):
        write_image(tmp_path / f"{number}.png", Picture(torch.rand(3, side, side)))
    source = photos(tmp_path, Gaussian(0, 0), held_out=1)
    assert source.training is source.held_out
    assert len(source.held_out) == 2
