from pathlib import Path

import pytest

from n2n.errors import InputError
from n2n.settings import Settings


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
