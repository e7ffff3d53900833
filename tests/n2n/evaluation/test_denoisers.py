import math
from pathlib import Path

import pytest
import torch

import nn
from n2n.denoising.denoise import Trained
from n2n.errors import InputError
from n2n.evaluation.denoisers import contender, denoiser
from n2n.noise import Poisson, parse_noise
from n2n.noise.scenes import Scenes
from n2n.training.loop import begin
from n2n.training.run import Run
from n2n.training.settings import Settings
from tests.n2n.samples import folder, generator, picture

cpu = torch.device("cpu")


@pytest.mark.parametrize("orientations", [1, 8])
def test_a_trained_network_denoises_a_batch(orientations: int) -> None:
    images = torch.rand(2, 3, 20, 23)
    out = denoiser(Trained(nn.identity, {"unused": torch.zeros(1)}, 3), orientations)(images)
    torch.testing.assert_close(out, images)


def test_a_guided_network_for_gaussian_noise_takes_poisson_noise_too() -> None:
    def apply(params: nn.Params, x: torch.Tensor) -> torch.Tensor:
        told.append(float(x[0, -1].mean()))
        return x[:, :-1]

    told: list[float] = []
    clean = torch.linspace(0.2, 0.8, 64).expand(1, 3, 64, 64)
    noisy = parse_noise("poisson:30")
    assert isinstance(noisy, Poisson)
    images = noisy(clean, generator())
    trained = Trained(nn.Layer(nn.identity.init, apply), {"unused": torch.zeros(1)}, 3, guided=True)
    out = denoiser(trained, kind="poisson")(images)
    torch.testing.assert_close(out, images.clamp(0, 1), atol=0.02, rtol=0)
    assert told[0] == pytest.approx(1 / (2 * math.sqrt(30)), rel=0.1)


@pytest.mark.parametrize("noise", [None, "gaussian:25", "gaussian:0-50", "Poisson: 30"])
def test_the_network_of_the_package_is_chosen_by_the_kind_of_noise(noise: str | None) -> None:
    ours = contender(None, noise, 1, cpu)
    kind = "poisson" if noise == "Poisson: 30" else "gaussian"
    assert ours.name == f"bundled network for {kind} noise"
    assert ours.settings is None
    clean = torch.full((1, 3, 48, 48), 0.5)
    noisy = parse_noise(noise or "gaussian:25").noisy(Scenes.whole(clean, parse_noise("gaussian:0")), generator())
    assert (ours.denoiser(noisy) - clean).square().mean() < 0.2 * (noisy - clean).square().mean()


def test_noise_for_which_no_network_comes_with_the_package_is_named() -> None:
    with pytest.raises(InputError, match=r"no network for brown noise .*\(gaussian, poisson\)"):
        contender(None, "brown:25", 1, cpu)


def test_the_network_of_a_run_brings_its_settings(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", a=picture(40, 40), b=picture(40, 40, seed=1))
    settings = Settings(network="net4", noise="gaussian:25", photos=str(photos))
    run, source = Run.create(tmp_path / "run", settings), settings.source()
    run.save(begin(settings, source, cpu), source.shape, None)
    ours = contender(run.path, None, 8, cpu)
    assert ours.name == "net4, 8 orientations"
    assert ours.settings == settings
    assert ours.denoiser(torch.rand(2, 3, 20, 24)).shape == (2, 3, 20, 24)
