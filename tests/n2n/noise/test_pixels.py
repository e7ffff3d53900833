import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from n2n.noise import Bernoulli, Brown, Gaussian, Impulse, Noise, PixelNoise, Poisson, Text, parse_noise
from n2n.noise.scenes import Scenes
from tests.n2n.noise.helpers import correlation, pictures
from tests.n2n.samples import generator

KINDS = [Gaussian(25, 25), Poisson(30, 30), Bernoulli(0.5, 0.5), Impulse(0.5, 0.5), Text(0.25, 0.25), Brown(25, 25)]
EVERY = ["gaussian:25", "gaussian:0-50", "poisson:30", "bernoulli:0.5", "impulse:0-0.95", "text:0.25", "brown:25"]
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=10)
@given(st.sampled_from([kind for kind in KINDS if not isinstance(kind, Brown | Text)]), seeds)
def test_two_draws_are_independent(noise: PixelNoise, seed: int) -> None:
    clean, drawing = torch.full((4, 3, 64, 64), 0.25), generator(seed)
    one, other = noise(clean, drawing), noise(clean, drawing)
    effective = one.numel() / 3  # the channels of a pixel may be lost together
    assert abs(correlation(one, other)) < 7 / math.sqrt(effective)


@pytest.mark.parametrize(("noise", "patch"), [(Brown(25, 25), 12), (Text(0.25, 0.25), 64)])
def test_two_draws_of_noise_that_neighbours_share_are_independent(noise: PixelNoise, patch: int) -> None:
    clean, drawing = torch.full((8, 1, 256, 256), 0.25), generator()
    one, other = noise(clean, drawing), noise(clean, drawing)
    assert abs(correlation(one, other)) < 5 / math.sqrt(one.numel() / patch**2)


@settings(max_examples=10)
@given(st.sampled_from([kind for kind in KINDS if not isinstance(kind, Brown | Text)]), seeds)
def test_a_pixel_s_noise_says_nothing_of_its_neighbours(noise: PixelNoise, seed: int) -> None:
    noisy = noise(torch.full((4, 1, 64, 64), 0.25), generator(seed))
    bound = 6 / math.sqrt(noisy.numel())
    assert abs(correlation(noisy[..., 1:], noisy[..., :-1])) < bound
    assert abs(correlation(noisy[..., 1:, :], noisy[..., :-1, :])) < bound


@pytest.mark.parametrize("noise", KINDS, ids=str)
def test_noise_changes_nothing_that_it_is_given(noise: PixelNoise) -> None:
    clean = pictures(2, 40, 33)
    before = clean.clone()
    noisy = noise(clean, generator())
    assert torch.equal(clean, before)
    assert not torch.equal(noisy, clean)
    assert noisy.shape == clean.shape
    assert noisy.dtype == torch.float32
    noisy.zero_()
    assert torch.equal(clean, before)


@pytest.mark.parametrize("noise", [Gaussian(40, 40), Poisson(5, 5), Brown(40, 40)], ids=str)
def test_noise_is_not_clipped(noise: PixelNoise) -> None:
    noisy = noise(torch.cat([torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)]), generator())
    assert float(noisy.max()) > 1
    assert float(noisy.min()) < 0 or isinstance(noise, Poisson)


@pytest.mark.parametrize("noise", [Bernoulli(0.5, 0.5), Impulse(0.5, 0.5), Text(0.25, 0.25)], ids=str)
def test_noise_that_hides_pixels_leaves_the_others_whatever_their_values(noise: PixelNoise) -> None:
    clean = torch.full((1, 3, 64, 64), 1.5)
    noisy = noise(clean, generator())
    kept = (noisy == clean).all(1)
    assert 0.3 < float(kept.float().mean()) < 0.9
    assert bool((noisy == clean).any(1).eq(kept).all())


@pytest.mark.parametrize("text", [*EVERY, "pointsample"])
def test_the_same_seed_gives_the_same_bits(text: str) -> None:
    noise = parse_noise(text)
    scenes = Scenes.whole(pictures(2, 48, 60), noise)
    assert torch.equal(noise.noisy(scenes, generator(3)), noise.noisy(scenes, generator(3)))
    assert not torch.equal(noise.noisy(scenes, generator(3)), noise.noisy(scenes, generator(4)))


@pytest.mark.parametrize("text", [*EVERY, "pointsample"])
def test_nothing_is_drawn_from_any_other_generator(text: str) -> None:
    noise = parse_noise(text)
    scenes = Scenes.whole(pictures(2, 48, 60), noise)
    draws = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 it is the state of others that must not matter
        random.seed(seed)
        before = torch.get_rng_state()
        draws.append(noise.noisy(scenes, generator(3)))
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*draws)


@pytest.mark.parametrize("text", ["gaussian:25", "poisson:30", "bernoulli:0.5", "impulse:0.5", "pointsample:4"])
def test_the_noise_of_a_pair_is_independent(text: str) -> None:
    noise = parse_noise(text)
    scenes = Scenes.whole(pictures(4, 256, 256, channels=1), noise)
    noisy, target, _ = noise.pairs(scenes, generator())
    mean = torch.stack([noise.noisy(scenes, generator(seed)) for seed in range(1, 40)]).mean(0)
    bound = 1 / 39 + 6 / math.sqrt(noisy.numel())  # the mean has a noise of its own, which both share
    assert abs(correlation(noisy - mean, target - mean)) < bound


@pytest.mark.parametrize("text", [*EVERY, "pointsample"])
def test_the_two_pictures_of_a_pair_differ(text: str) -> None:
    noise = parse_noise(text)
    images = pictures(2, 48, 60)
    noisy, target, mask = noise.pairs(Scenes.whole(images, noise), generator())
    assert noisy.shape == target.shape
    assert not torch.equal(noisy, target)
    assert (mask is not None) == isinstance(noise, Bernoulli)


@pytest.mark.parametrize("noise", KINDS, ids=str)
def test_noise_of_pixels_keeps_the_picture_that_it_is_given(noise: Noise) -> None:
    images = pictures(2, 13, 17)
    scenes = Scenes.whole(images, noise)
    assert torch.equal(noise.clean(scenes), images)
    assert noise.noisy(scenes, generator()).shape == images.shape


@pytest.mark.parametrize("text", ["gaussian:0", "bernoulli:0", "impulse:0", "text:0", "brown:0"])
def test_noise_of_no_strength_is_none(text: str) -> None:
    noise = parse_noise(text)
    images = pictures(2, 13, 17)
    assert torch.equal(noise.noisy(Scenes.whole(images, noise), generator()), images)
