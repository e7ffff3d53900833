from pathlib import Path
from typing import Any

import numpy as np
import pytest

from n2n.errors import InputError
from n2n.training.settings import Settings, schedules
from tests.n2n.samples import folder, picture


def test_settings_come_back_from_json() -> None:
    settings = Settings(network="unet", captures=("a", "b"), lr=3e-4, betas=(0.9, 0.99))
    assert Settings.from_json(settings.to_json(), Path("config.json")) == settings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"network": "strid1"}, "did you mean 'stride1'"),
        ({"noise": "guassian:25"}, "did you mean 'gaussian'"),
        ({"loss": "l3"}, "unknown loss"),
        ({"schedule": "rampup"}, "did you mean 'rampdown'"),
        ({"batch": 0}, "batch is 0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"betas": (0.9, 1.0)}, "betas are 0.9 and 1.0"),
        ({"seed": -1}, "seed is -1"),
        ({"targets": "cleen"}, "did you mean 'clean'"),
        ({"targets": "clean", "captures": ("a", "b")}, "no clean images"),
        ({"targets": "clean", "bursts": "a"}, "no clean images"),
        ({"bursts": "a", "photos": "b"}, "one source"),
        ({"average": 1.0}, "average is 1.0"),
        ({"average": 0.0}, "average is 0.0"),
        ({"photos": "a", "tensors": "b"}, "one source"),
    ],
)
def test_a_wrong_setting_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Settings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "[]", '{"captures": null}', '{"x": 1, "captures": null, "betas": [0.9, 0.9]}'])
def test_a_file_that_holds_no_settings_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"some/config\.json"):
        Settings.from_json(text, Path("some/config.json"))


def test_the_last_batch_of_an_epoch_counts_as_a_step() -> None:
    assert Settings(pairs=101, batch=50).steps_per_epoch == 3


def written(path: Path, name: str) -> Path:
    images = np.random.default_rng(0).integers(0, 255, (8, 3, 32, 32), dtype=np.uint8)
    np.savez(path / "pairs.npz", **{"noisy": images, name: images[::-1]})
    return path / "pairs.npz"


def test_clean_targets_of_a_tensor_file_are_asked_for_by_name(tmp_path: Path) -> None:
    path = str(written(tmp_path, "clean"))
    with pytest.raises(InputError, match=r"pairs\.npz are clean: .* --targets clean"):
        Settings(tensors=path).source()
    assert Settings(tensors=path, targets="clean").source().has_clean


def test_targets_that_may_be_noisy_are_not_taken_for_clean(tmp_path: Path) -> None:
    path = str(written(tmp_path, "target"))
    assert not Settings(tensors=path).source().has_clean
    with pytest.raises(InputError, match="has no clean targets"):
        Settings(tensors=path, targets="clean").source()


def test_images_are_turned_where_it_was_asked_for(tmp_path: Path) -> None:
    """By default crops are, and the images of a tensor file are not."""

    def flips(**settings: Any) -> list[bool]:
        return [Settings(**settings, flips=flips).source().flips for flips in (None, True, False)]  # type: ignore[attr-defined]

    pictures = folder(tmp_path / "photos", a=picture(40, 40), b=picture(40, 40, seed=1))
    assert flips(photos=str(pictures)) == [True, True, False]
    assert flips(tensors=str(written(tmp_path, "target"))) == [False, True, False]


@pytest.mark.parametrize("name", schedules)
def test_a_schedule_begins_at_the_rate_and_but_for_a_constant_falls_to_zero(name: str) -> None:
    rates = [schedules[name](0.5, 100)(step) for step in range(101)]
    assert rates[0] == 0.5
    assert rates == sorted(rates, reverse=True)
    assert rates[100] == (0.5 if name == "constant" else 0)
