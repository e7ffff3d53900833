import weakref
from collections.abc import Iterator

import pytest
import torch

from n2n.images import Picture
from n2n.images.album import Album
from n2n.noise import Gaussian, PointSample
from n2n.noise.scenes import Scenes
from tests.n2n.samples import generator, picture


def test_an_album_gives_back_its_pictures() -> None:
    pictures = [picture(5, 9), picture(8, 3, channels=1), picture(4, 4, depth=16)]
    for chosen in (pictures[:1], pictures[1:2], pictures[2:], pictures):
        album = Album.of(chosen)
        assert len(album) == len(chosen)
        for number, each in enumerate(chosen):
            expected = each.pixels.expand(album.channels, -1, -1)
            torch.testing.assert_close(album.picture(number), expected, atol=1e-6, rtol=0)


def test_an_album_on_disk_draws_the_same_bits() -> None:
    pictures = [picture(20, 33), picture(24, 18, channels=1), picture(40, 17, depth=16)]
    for chosen in (pictures[:1], pictures):
        held, on_disk = Album.of(chosen), Album.of(iter(chosen), memory=100)
        for noise in (Gaussian(25, 25), PointSample(2, 2)):
            one, other = (
                noise.pairs(album.scenes(20, 8, noise, generator()), generator()) for album in (held, on_disk)
            )
            assert torch.equal(one.noisy, other.noisy)
            assert torch.equal(one.target, other.target)


def test_pictures_are_taken_one_at_a_time() -> None:
    alive: list[weakref.ref[Picture]] = []

    def pictures() -> Iterator[Picture]:
        for _ in range(5):
            assert sum(each() is not None for each in alive) <= 1
            made = picture(4, 4)
            alive.append(weakref.ref(made))
            yield made

    assert len(Album.of(pictures())) == 5


def test_a_window_knows_its_picture() -> None:
    album = Album.of(picture(side, side) for side in (9, 12, 10))
    for part in album.hold_out(0.3, 4):
        scenes = part.scenes(200, 4, Gaussian(0, 0), generator(), flips=True)
        found = album.numbers(scenes)
        inside = scenes.first - album.first[found]
        assert bool(((inside >= 0) & (inside < (album.heights * album.widths)[found])).all())
        assert len(found.unique()) == len(part)


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
