import pytest
from hypothesis import given
from hypothesis import strategies as st

from n2n.errors import InputError
from n2n.noise import (
    Bernoulli,
    Brown,
    Gaussian,
    Impulse,
    Noise,
    PixelNoise,
    PointSample,
    Poisson,
    Text,
    noises,
    parse_noise,
)

SHARES: tuple[type[PixelNoise], ...] = (Bernoulli, Impulse, Text)


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("gaussian:25", Gaussian(25, 25)),
        (" Gaussian : 0 - 50 ", Gaussian(0, 50)),
        ("gaussian:.5", Gaussian(0.5, 0.5)),
        ("poisson:30", Poisson(30, 30)),
        ("poisson:0-50", Poisson(0, 50)),
        ("bernoulli:0.5", Bernoulli(0.5, 0.5)),
        ("bernoulli:0-0.95", Bernoulli(0, 0.95)),
        ("impulse:.7", Impulse(0.7, 0.7)),
        ("text:0-0.5", Text(0, 0.5)),
        ("brown:25", Brown(25, 25)),
        ("pointsample", PointSample()),
        ("pointsample:8", PointSample(8, 8)),
        ("pointsample:6-12.5", PointSample(6, 12.5)),
    ],
)
def test_a_noise_is_one_string(text: str, noise: Noise) -> None:
    assert parse_noise(text) == noise


@given(st.sampled_from([Gaussian, Poisson, Brown, PointSample]), st.floats(1.0001, 1e6), st.floats(0, 1e6))
def test_a_noise_prints_as_the_string_that_makes_it(
    model: type[PixelNoise] | type[PointSample], low: float, more: float
) -> None:
    noise = model(low, low + more)
    assert parse_noise(str(noise)) == noise


@given(st.sampled_from(SHARES), st.floats(0, 0.95), st.floats(0, 0.95))
def test_so_does_one_that_hides_a_share_of_the_pixels(model: type[PixelNoise], one: float, other: float) -> None:
    noise = model(min(one, other), max(one, other))
    assert parse_noise(str(noise)) == noise


def test_every_registered_noise_has_its_name_and_says_how_it_is_written() -> None:
    for name, model in noises.items():
        low, high = (0.25, 0.5) if model in SHARES else (6.0, 8.0)
        assert str(model(low, high)) == f"{name}:{low:g}-{high:g}"
        assert model.usage.startswith(name)
    assert str(parse_noise("pointsample")) == "pointsample"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("guassian:25", "did you mean 'gaussian'"),
        ("", "unknown noise ''"),
        ("gaussian", "gaussian:SIGMA"),
        ("gaussian:", "gaussian:SIGMA"),
        ("gaussian:-5", "gaussian:SIGMA"),
        ("gaussian:25dB", "gaussian:SIGMA"),
        ("gaussian:nan", "gaussian:SIGMA"),
        ("gaussian:1-2-3", "gaussian:SIGMA"),
        ("gaussian:50-0", "write 0-50"),
        ("poisson", "poisson:PEAK"),
        ("poisson:0", "positive"),
        ("bernoulli", "bernoulli:P"),
        ("bernoulli:1.5", r"at most 0\.95"),
        ("bernoulli:0-1", r"at most 0\.95"),
        ("impulse:50", r"at most 0\.95"),
        ("impulse:50%", "impulse:P"),
        ("text", "text:P"),
        ("text:0.96", r"at most 0\.95"),
        ("text:0.5-0.2", r"write 0\.2-0\.5"),
        ("brown", "brown:SIGMA"),
        ("brown:red", "brown:SIGMA"),
        ("gaussian:1e400", "more than any picture can show"),
        ("pointsample:6-1e400", "more than any picture can show"),
        ("pointsample:", "pointsample:CELL"),
        ("pointsample:1", "wider than 1 pixel"),
        ("pointsample:0.5-4", "wider than 1 pixel"),
    ],
)
def test_a_garbled_string_is_answered_with_the_right_one(text: str, answer: str) -> None:
    with pytest.raises(InputError, match=answer):
        parse_noise(text)
