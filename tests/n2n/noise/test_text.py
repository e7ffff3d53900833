import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from n2n.noise import Text
from tests.n2n.noise.helpers import correlation
from tests.n2n.samples import generator


def coverage(share: float, clean: Tensor, seed: int = 0) -> Tensor:
    """The share of each image's pixels that text covers; `clean` has no colour that text has."""
    noisy = Text(share, share)(clean, generator(seed))
    return (noisy != clean).any(1).float().mean((1, 2))


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.6))
def test_text_covers_its_share_of_a_picture(seed: int, share: float) -> None:
    covered = coverage(share, torch.full((1, 3, 256, 256), -1.0), seed)
    assert float(covered) == pytest.approx(share, abs=0.025)  # within a string or so


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_crops_too_small_for_whole_strings_are_covered_so_on_average(share: float) -> None:
    covered = coverage(share, torch.full((600, 1, 24, 24), -1.0))
    assert float(covered.mean()) == pytest.approx(share, abs=5 * float(covered.std()) / math.sqrt(600))


def test_no_place_is_covered_more_than_another() -> None:
    clean = torch.full((800, 1, 40, 40), -1.0)
    covered = (Text(0.3, 0.3)(clean, generator()) != clean).float().mean((0, 1))
    expected = torch.full((40, 40), 0.3)
    torch.testing.assert_close(covered, expected, atol=6 * math.sqrt(0.3 * 0.7 / 800), rtol=0)


def test_text_is_in_colours_of_all_kinds() -> None:
    noisy = Text(0.6, 0.6)(torch.full((12, 3, 128, 128), -1.0), generator())
    colours = noisy.transpose(0, 1)[:, (noisy > 0).all(1)]
    assert float(colours.max()) <= 1
    assert len(colours[0].unique()) > 200
    for channel in colours:
        assert 0.35 < float(channel.mean()) < 0.65
        assert 0.2 < float(channel.std()) < 0.35
    assert abs(correlation(colours[0], colours[1])) < 0.25


def test_a_string_covers_neighbours_together() -> None:
    covered = (Text(0.25, 0.25)(torch.full((4, 1, 128, 128), -1.0), generator()) != -1).float()
    assert correlation(covered[..., 1:], covered[..., :-1]) > 0.4
    assert abs(correlation(covered[..., 64:], covered[..., :64])) < 0.2


def test_the_clean_picture_is_the_median_where_less_than_half_is_covered() -> None:
    noisy = Text(0.3, 0.3)(torch.full((601, 1, 8, 8), 0.1), generator())
    assert torch.equal(noisy.median(0).values, torch.full((1, 8, 8), 0.1))
    assert float(noisy.mean()) > 0.15


def test_a_range_draws_a_share_for_each_image() -> None:
    clean = torch.full((60, 1, 96, 96), -1.0)
    covered = (Text(0.1, 0.5)(clean, generator()) != clean).float().mean((1, 2, 3))
    assert 0.05 < float(covered.min()) < 0.17
    assert 0.43 < float(covered.max()) < 0.55
    assert float(covered.mean()) == pytest.approx(0.3, abs=0.06)


@given(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3]))
def test_pictures_smaller_than_a_letter_are_written_on(height: int, width: int, channels: int) -> None:
    clean = torch.zeros(3, channels, height, width)
    assert Text(0.4, 0.4)(clean, generator()).shape == clean.shape


def test_text_has_the_mean_of_its_colours() -> None:
    noisy = Text(0.3, 0.3)(torch.full((600, 1, 24, 24), 0.5), generator())
    means = noisy.mean((1, 2, 3))
    assert float(means.std()) > 0.02
    assert float(means.mean()) == pytest.approx(0.5, abs=5 * float(means.std()) / math.sqrt(600))
