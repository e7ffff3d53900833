import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

import nn
from n2n.classical.anscombe import restored, stabilized, stabilized_deviation, stabilizing
from n2n.networks.guided import with_level


def counts(level: float, peak: float, seed: int = 0) -> Tensor:
    """What a grey of this level looks like in Poisson noise."""
    generator = Generator().manual_seed(seed)
    return torch.poisson(torch.full((1, 1, 300, 300), level * peak), generator=generator) / peak


@given(peak=st.floats(20, 200), level=st.floats(0.3, 1), seed=st.integers(0, 1000))
def test_stabilized_noise_has_one_deviation(peak: float, level: float, seed: int) -> None:
    deviation = float(stabilized(counts(level, peak, seed), peak).std())
    assert deviation == pytest.approx(stabilized_deviation(peak), rel=0.05)


@given(peak=st.floats(3, 200), level=st.floats(0.3, 1), seed=st.integers(0, 1000))
def test_the_way_back_is_unbiased(peak: float, level: float, seed: int) -> None:
    mean = stabilized(counts(level, peak, seed), peak).mean()
    assert float(restored(mean, peak)) == pytest.approx(level, rel=0.02)


def test_black_stays_black() -> None:
    assert float(restored(torch.zeros(1), 30)) == pytest.approx(0, abs=0.01)


def test_a_layer_that_averages_finds_the_level() -> None:
    averaging = nn.elementwise(lambda x: x[:, :1].mean((2, 3), keepdim=True).expand_as(x[:, :1]))
    noisy = with_level(counts(0.4, 10), torch.tensor([stabilized_deviation(10)]))
    out = stabilizing(averaging, 10).apply({}, noisy)
    assert float(out.mean()) == pytest.approx(0.4, rel=0.02)
