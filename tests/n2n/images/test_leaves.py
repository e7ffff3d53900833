import itertools

import torch

from n2n.images.leaves import dead_leaves


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_pictures_are_colours_in_the_unit_interval() -> None:
    images = dead_leaves(generator(), 64, 12)
    assert images.shape == (12, 3, 64, 64)
    assert images.dtype == torch.float32
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1
    assert bool((images.flatten(1).std(dim=1) > 0.05).all())


def test_the_same_seed_gives_the_same_bits() -> None:
    assert torch.equal(dead_leaves(generator(), 48, 2), dead_leaves(generator(), 48, 2))
    assert not torch.equal(dead_leaves(generator(), 48, 2), dead_leaves(generator(1), 48, 2))


def test_small_and_odd_sizes_work() -> None:
    for size in (32, 33, 50):
        assert dead_leaves(generator(), size).shape == (1, 3, size, size)


def test_statistics_are_those_of_photographs() -> None:
    images = dead_leaves(generator(), 96, 40)
    varying = (images - images.mean(dim=(0, 2, 3), keepdim=True)).transpose(0, 1).flatten(1)
    red_green, red_blue, green_blue = torch.corrcoef(varying)[[0, 0, 1], [1, 2, 2]].tolist()
    assert 0.8 < red_green < 0.98
    assert 0.8 < green_blue < 0.98
    assert red_blue < min(red_green, green_blue)

    grey = images.mean(dim=1)
    steps = (grey[:, 1:] - grey[:, :-1]).flatten()
    kurtosis = float(steps.pow(4).mean() / steps.square().mean().square())
    assert kurtosis > 8  # flat parts and sharp edges

    power = torch.fft.fft2(grey - grey.mean(dim=(1, 2), keepdim=True)).abs().square().mean(0)
    frequency = torch.hypot(torch.fft.fftfreq(96)[:, None], torch.fft.fftfreq(96)) * 96
    rings = [power[(frequency >= ring) & (frequency < 2 * ring)].mean().log2() for ring in (3, 6, 12, 24)]
    for lower, higher in itertools.pairwise(rings):
        assert -3.5 < float(higher - lower) < -1.5  # power falls as 1/f^2, a factor of 4 in each octave
