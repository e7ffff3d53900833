from pathlib import Path

import pytest
import torch

from n2n.errors import InputError
from n2n.images import Picture
from n2n.sources import Source, captures
from tests.n2n.samples import folder, generator, picture


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


def test_captures_beyond_the_memory_draw_the_same_bits(tmp_path: Path) -> None:
    first = folder(tmp_path / "a", a=picture(20, 30), b=picture(25, 22, channels=1))
    second = folder(tmp_path / "b", a=picture(20, 30, seed=1), b=picture(25, 22, depth=16, seed=1))
    (tmp_path / "b" / "b.tif").rename(tmp_path / "b" / "b.png")
    sources = [captures(first, second, size=16, memory=memory) for memory in (None, 100)]
    for draw in ("draw", "validation"):
        one, other = (getattr(source, draw)(20, generator()) for source in sources)
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_captures_are_turned_together(tmp_path: Path) -> None:
    image = picture(16, 16)
    first = folder(tmp_path / "a", a=image, b=image)
    source = captures(first, folder(tmp_path / "b", a=Picture(1 - image.pixels), b=Picture(1 - image.pixels)), size=16)
    noisy, target, _ = source.draw(200, generator())
    torch.testing.assert_close(noisy, 1 - target)
    assert len(noisy.flatten(1).unique(dim=0)) == 8
