import math

import pytest
import torch
from torch import Tensor

import nn
from n2n.classical.anscombe import stabilized, stabilized_deviation
from n2n.classical.noise_level import noise_deviation, photon_count
from n2n.denoising.denoise import Trained
from n2n.denoising.known_noise import TOLD, KnownNoise, bundled_for, kinds, parse_known_noise, prepared
from n2n.errors import InputError
from n2n.noise import parse_noise
from n2n.noise.scenes import Scenes
from tests.n2n.samples import generator

first = nn.Layer(nn.identity.init, lambda params, x: x[:, :-1])  # what a guided network is told it does not use
guided = Trained(first, {"unused": torch.zeros(1)}, 3, guided=True)


def noisy(noise: str) -> Tensor:
    model = parse_noise(noise)
    clean = torch.linspace(0.3, 0.7, 64).expand(1, 3, 64, 64)
    return model.noisy(Scenes.whole(clean, model), generator())[0]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("gaussian", KnownNoise("gaussian")),
        (" Gaussian : 0", KnownNoise("gaussian", 0)),
        ("poisson:1e3", KnownNoise("poisson", 1000)),
    ],
)
def test_noise_is_a_kind_with_or_without_a_strength(text: str, known: KnownNoise) -> None:
    assert parse_known_noise(text) == known


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("guassian", "did you mean 'gaussian'"),
        ("gaussian:", "0 to 255"),
        ("gaussian:-3", "0 to 255"),
        ("gaussian:nan", "0 to 255"),
        ("gaussian:0-50", "0 to 255"),
        ("poisson:0", "photons"),
        ("poisson:many", "photons"),
    ],
)
def test_noise_that_makes_no_sense_is_refused(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        parse_known_noise(text)


@pytest.mark.parametrize("kind", TOLD)
def test_the_network_for_noise_whose_strength_is_told_can_be_told(kind: str) -> None:
    assert kind in kinds()
    assert bundled_for(kind, torch.device("cpu")).guided


def test_of_a_network_that_cannot_be_told_nothing_more_is_said() -> None:
    ready = prepared(guided._replace(guided=False), KnownNoise("gaussian"), noisy("gaussian:25"))
    assert (ready.sigma, ready.words) == (None, "noise like that of its training")


def test_a_strength_that_is_given_is_told() -> None:
    gaussian = prepared(guided, KnownNoise("gaussian", 51), noisy("gaussian:10"))
    assert (gaussian.sigma, gaussian.words) == (0.2, "Gaussian noise of σ 51.0 on the scale of 0 to 255 (given)")
    assert gaussian.trained == guided
    poisson = prepared(guided, KnownNoise("poisson", 30), noisy("poisson:90"))
    assert (poisson.sigma, poisson.words) == (stabilized_deviation(30), "Poisson noise of 30 photons at white (given)")


def test_a_strength_that_is_not_given_is_estimated() -> None:
    image = noisy("gaussian:25")
    gaussian = prepared(guided, KnownNoise("gaussian"), image)
    assert gaussian.sigma == float(noise_deviation(image[None]))
    assert gaussian.words.endswith("(estimated)")
    image = noisy("poisson:30")
    poisson = prepared(guided, KnownNoise("poisson"), image)
    assert poisson.sigma == stabilized_deviation(photon_count(image))
    assert poisson.words.endswith("(estimated)")


def test_poisson_noise_has_one_deviation_before_it_reaches_the_network() -> None:
    def apply(params: nn.Params, x: Tensor) -> Tensor:
        seen.append(x[:, :-1])
        return x[:, :-1]

    seen: list[Tensor] = []
    image = noisy("poisson:30")
    watched = guided._replace(network=nn.Layer(first.init, apply))
    ready = prepared(watched, KnownNoise("poisson", 30), image)
    assert ready.sigma == pytest.approx(1 / (2 * math.sqrt(30)), rel=0.01)
    ready.trained.network.apply(guided.params, torch.cat([image[None], image[None, :1]], 1))
    torch.testing.assert_close(seen[0], stabilized(image[None], 30))


def test_a_network_that_cannot_be_told_is_left_as_it_is() -> None:
    unguided = guided._replace(guided=False)
    ready = prepared(unguided, KnownNoise("gaussian"), noisy("gaussian:25"))
    assert ready.trained == unguided
    assert ready.sigma is None
