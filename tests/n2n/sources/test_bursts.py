from pathlib import Path
from typing import Any

import pytest
import torch

from n2n.errors import InputError
from n2n.images import Picture
from n2n.sources import Source, bursts
from tests.n2n.samples import flat, folder, generator, picture


def scene(path: Path, number: int, count: int, height: int = 24, width: int = 24, **kind: int) -> None:
    captures = {f"c{each}": picture(height, width, seed=100 * number + each, **kind) for each in range(count)}
    folder(path / f"s{number}", **captures)


def shades(path: Path, counts: list[int]) -> Path:
    """Scenes of so many captures, each of one shade: capture c of scene s is (10 s + c) / 255."""
    path.mkdir()
    for number, count in enumerate(counts):
        folder(path / f"s{number}", **{f"c{each}": flat((10 * number + each) / 255) for each in range(count)})
    return path


def test_a_pair_is_two_different_captures_of_one_scene(tmp_path: Path) -> None:
    source: Source = bursts(shades(tmp_path / "a", [2, 3, 4, 5]), size=16, held_out=0.25)
    assert source.shape == (3, 16, 16)
    assert not source.has_clean
    seen = {}
    for name, pairs in (
        ("training", source.draw(3000, generator())[:2]),
        ("held", source.validation(500, generator())),
    ):
        one, other = (side[:, 0, 0, 0].mul(255).round().int() for side in pairs)
        assert torch.equal(one // 10, other // 10)
        assert not bool((one == other).any())
        seen[name] = set(zip(one.tolist(), other.tolist(), strict=True))
    assert len(seen["training"] | seen["held"]) == sum(count * (count - 1) for count in (2, 3, 4, 5))
    assert not {one // 10 for one, _ in seen["training"]} & {one // 10 for one, _ in seen["held"]}


def test_every_scene_and_every_order_is_as_likely(tmp_path: Path) -> None:
    source = bursts(shades(tmp_path / "a", [2, 8]), size=16, held_out=1)
    one, other = (side[:, 0, 0, 0].mul(255).round().int() for side in source.draw(4000, generator())[:2])
    assert float((one < 10).float().mean()) == pytest.approx(0.5, abs=0.05)
    assert float((one < other).float().mean()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (3, 8), (1, 16), (3, 16)])
def test_both_captures_are_cropped_and_turned_alike(tmp_path: Path, channels: int, depth: int) -> None:
    (tmp_path / "a").mkdir()
    for number in range(3):
        image = picture(20 + number, 30, channels, depth, seed=number)
        folder(tmp_path / "a" / f"s{number}", a=image, b=Picture(1 - image.pixels, depth=depth))
    source = bursts(tmp_path / "a", size=16)
    assert source.shape == (channels, 16, 16)
    for noisy, target in (source.draw(50, generator())[:2], source.validation(50, generator())):
        torch.testing.assert_close(noisy, 1 - target)


def test_bursts_draw_the_same_bits_from_the_same_seed_in_memory_and_beyond(tmp_path: Path) -> None:
    for number, kind in enumerate(({}, {"channels": 1}, {"depth": 16})):
        (tmp_path / "a").mkdir(exist_ok=True)
        scene(tmp_path / "a", number, 3, height=20 + number, **kind)
    held, on_disk = (bursts(tmp_path / "a", size=16, memory=memory) for memory in (None, 100))
    for draw in ("draw", "validation"):
        one, other = (getattr(source, draw)(20, generator(7)) for source in (held, on_disk))
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
        assert not torch.equal(one[0], getattr(held, draw)(20, generator(8))[0])


def test_a_single_scene_is_cut_in_two(tmp_path: Path) -> None:
    halves: dict[str, Any] = {}
    for number in range(3):
        levels = torch.tensor([0.0, 0.5])[:, None].expand(2, 40).reshape(-1) + number / 10
        halves[f"c{number}"] = Picture(levels[None, :, None].expand(3, 80, 30))
    folder(tmp_path / "s", **halves)
    source = bursts(tmp_path, size=10, held_out=0.5)
    for level, pairs in ((0.0, source.draw(50, generator())[:2]), (0.5, source.validation(50, generator()))):
        for side in pairs:
            assert float(side.min()) >= level - 0.01
            assert float(side.max()) <= level + 0.21


def test_reading_can_be_watched_and_files_that_are_no_folders_are_left_out(tmp_path: Path) -> None:
    scene(tmp_path, 0, 2)
    scene(tmp_path, 1, 3)
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden").mkdir()
    seen: list[str] = []

    def track(paths: Any) -> Any:
        for path in paths:
            seen.append(f"{path.parent.name}/{path.name}")
            yield path

    bursts(tmp_path, size=16, track=track)
    assert seen == ["s0/c0.png", "s0/c1.png", "s1/c0.png", "s1/c1.png", "s1/c2.png"]


def test_scenes_that_cannot_be_paired_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: no such folder"):
        bursts(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is a file where a folder with a folder for each scene"):
        bursts(tmp_path / "file")
    with pytest.raises(InputError, match="has no folders in it"):
        bursts(folder(tmp_path / "flat", a=picture(40, 40)))
    (tmp_path / "a" / "s0").mkdir(parents=True)
    with pytest.raises(InputError, match=r"s0 has no pictures"):
        bursts(tmp_path / "a")
    (tmp_path / "b").mkdir()
    scene(tmp_path / "b", 0, 2)
    scene(tmp_path / "b", 1, 1)
    with pytest.raises(InputError, match=r"s1 has one capture, c0\.png: a scene needs two or more"):
        bursts(tmp_path / "b", size=16)
    (tmp_path / "c").mkdir()
    folder(tmp_path / "c" / "s0", a=picture(24, 24), b=picture(24, 24, seed=1), c=picture(24, 25, seed=2))
    with pytest.raises(InputError, match=r"s0/b\.png is 24×24 and .*s0/c\.png is 25×24: .* one size"):
        bursts(tmp_path / "c", size=16)
    (tmp_path / "d").mkdir()
    folder(tmp_path / "d" / "s0", a=picture(24, 24), b=picture(24, 24))
    with pytest.raises(InputError, match=r"s0/a\.png is the same as .*s0/b\.png"):
        bursts(tmp_path / "d", size=16)
    (tmp_path / "e").mkdir()
    scene(tmp_path / "e", 0, 2)
    with pytest.raises(InputError, match=r"c0\.png is 24×24, and a crop of 64×64"):
        bursts(tmp_path / "e", size=64)
