import shlex

import pytest
import torch

from n2n.training.card import card, command
from n2n.training.settings import Settings
from n2n.training.state import State
from tape import tree


def text(settings: Settings, step: int | None = None, clean: bool = True) -> str:
    params, _ = settings.layer(3).init(torch.Generator().manual_seed(0), (3, 32, 32))
    state = State(params, (), torch.Generator().get_state(), settings.steps if step is None else step)
    assert sum(leaf.numel() for leaf in tree.leaves(params)) == 1368
    return card("mine", settings, state, (3, 32, 32), 23.456, clean, 61.7)


NET4 = Settings(network="net4", pairs=100, batch=50, epochs=2)


def test_every_setting_that_is_not_the_default_is_in_the_command() -> None:
    settings = Settings(captures=("a b", "c"), pairs=7, betas=(0.9, 0.99), flips=False, average=0.999, microbatch=4)
    words = shlex.split(command(settings))
    assert words[:5] == ["n2n", "train", "--pairs", "a b", "c"]
    options = "--no-flips --count 7 --betas 0.9 0.99 --average 0.999 --seed 0 --microbatch 4"
    assert words[5:] == options.split()


def test_a_file_is_named_before_the_options() -> None:
    assert command(Settings(tensors="pairs.pkl", flips=True)) == "n2n train pairs.pkl --flips --seed 0"


def test_the_card_says_how_the_run_was_made_and_what_its_figure_means() -> None:
    said = text(NET4)
    assert "1,368 parameters for\n32×32 images in colour, trained from noisy pairs alone" in said
    assert "23.46 dB at best, against clean images" in said
    assert "4 steps of 50 pairs, 62 s" in said
    assert f"torch {torch.__version__.partition('+')[0]}" in said
    assert command(NET4) in said


def test_an_estimate_is_said_to_be_one() -> None:
    said = text(Settings(network="net4", bursts="b"), clean=False)
    assert "estimated from noisy pairs" in said
    assert "against clean images" not in said


def test_clean_targets_are_said_to_be_for_comparison() -> None:
    said = text(Settings(network="net4", targets="clean"))
    assert "for comparison only" in said
    assert "from noisy pairs alone" not in said


def test_a_run_that_ended_early_says_so() -> None:
    assert "of the 4 that were planned" in text(NET4, step=3)
    assert "planned" not in text(NET4)


@pytest.mark.parametrize(("average", "said"), [(0.99, True), (None, False)])
def test_an_average_is_said_to_be_what_is_used(average: float | None, said: bool) -> None:
    assert ("decay 0.99" in text(Settings(network="net4", average=average))) == said
