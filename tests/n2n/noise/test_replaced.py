import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from n2n.noise import Bernoulli, Impulse
from n2n.noise.covering import Covering
from n2n.noise.scenes import Scenes
from tests.n2n.noise.helpers import correlation, pictures
from tests.n2n.samples import generator

seeds, shares = st.integers(0, 2**32 - 1), st.floats(0, 0.95)


def deviation(share: float, count: int) -> float:
    return math.sqrt(share * (1 - share) / count)


def farthest(share: float, count: int) -> float:
    """How far from `share` the part of `count` independent draws is that has what each has with that probability.

    Bernstein's inequality, which holds for rare events too: it is farther off less than once in ten million times.
    """
    return 6 * deviation(share, count) + 12 / count


@settings(max_examples=15)
@given(st.sampled_from([Bernoulli, Impulse]), seeds, shares)
def test_a_share_of_the_pixels_is_lost_in_all_channels(kind: type[Covering], seed: int, share: float) -> None:
    clean = torch.full((2, 3, 64, 64), 2.0)
    lost = kind(share, share)(clean, generator(seed)) != clean
    assert torch.equal(lost.any(1), lost.all(1))
    assert float(lost[:, 0].float().mean()) == pytest.approx(share, abs=farthest(share, 2 * 64 * 64))


def test_what_is_kept_is_as_it_was_and_what_is_dropped_is_0() -> None:
    clean = pictures(2, 32, 32) + 0.1
    noisy = Bernoulli(0.7, 0.7)(clean, generator())
    assert bool(((noisy == clean) | (noisy == 0)).all())


def test_the_mean_of_what_was_measured_is_the_clean_picture() -> None:
    images = pictures(1, 8, 8)
    scenes = Scenes.whole(images.expand(2000, -1, -1, -1), noise := Bernoulli(0.5, 0.5))
    _, target, mask = noise.pairs(scenes, generator())
    assert mask is not None
    torch.testing.assert_close(target.sum(0) / mask.sum(0), images[0])
    assert float(target.mean(0).sub(images[0] / 2).abs().max()) < 6 * 0.5 / math.sqrt(2000)


@given(seeds, shares)
def test_the_mask_says_which_pixels_of_the_target_were_measured(seed: int, share: float) -> None:
    images = pictures(2, 9, 11) + 0.1
    noise = Bernoulli(share, share)
    noisy, target, mask = noise.pairs(Scenes.whole(images, noise), generator(seed))
    assert mask is not None
    assert mask.shape == (2, 1, 9, 11)
    assert mask.dtype == torch.float32
    assert torch.equal(target, images * mask)
    assert torch.equal(noisy, noise.noisy(Scenes.whole(images, noise), generator(seed)))


def test_the_two_masks_of_a_pair_are_independent() -> None:
    scenes = Scenes.whole(torch.ones(4, 3, 64, 64), noise := Bernoulli(0.5, 0.5))
    noisy, target, _ = noise.pairs(scenes, generator())
    assert abs(correlation(noisy[:, 0], target[:, 0])) < 6 / math.sqrt(4 * 64 * 64)


def test_an_impulse_is_any_colour_alike() -> None:
    noisy = Impulse(0.8, 0.8)(torch.full((1, 3, 256, 256), -1.0), generator())
    colours = noisy[:, :, noisy[0, 0] != -1][0]
    count = colours.shape[1]
    assert float(colours.min()) >= 0
    assert float(colours.max()) <= 1
    for channel in colours:
        assert float(channel.mean()) == pytest.approx(1 / 2, abs=6 * math.sqrt(1 / 12 / count))
        assert float(channel.square().mean()) == pytest.approx(1 / 3, abs=6 * math.sqrt(4 / 45 / count))
    assert abs(correlation(colours[0], colours[1])) < 6 / math.sqrt(count)
    assert abs(correlation(colours[0], colours[2])) < 6 / math.sqrt(count)


@pytest.mark.parametrize("kind", [Bernoulli, Impulse])
def test_a_range_draws_a_share_for_each_image(kind: type[Covering]) -> None:
    clean = torch.full((400, 1, 16, 16), 2.0)
    lost = (kind(0.1, 0.7)(clean, generator()) != clean).float().mean((1, 2, 3))
    noise = 5 * deviation(0.4, 256)
    assert 0.1 - noise < float(lost.min()) < 0.15
    assert 0.65 < float(lost.max()) < 0.7 + noise
    assert float(lost.mean()) == pytest.approx(0.4, abs=0.05)


def test_the_clean_picture_is_the_mode_of_impulses_not_their_mean() -> None:
    clean = torch.full((4000, 1, 2, 2), 0.1)
    noisy = Impulse(0.7, 0.7)(clean, generator())
    assert bool((noisy.flatten(1).mode(0).values == clean[0, 0, 0, 0]).all())
    assert float(noisy.mean()) == pytest.approx(0.3 * 0.1 + 0.7 * 0.5, abs=0.02)
