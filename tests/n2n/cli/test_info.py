from pathlib import Path

import pytest

from n2n.networks import networks
from n2n.training.losses import losses
from tests.n2n.cli.conftest import Command


def test_info_lists_networks_noises_and_versions(n2n: Command) -> None:
    outcome = n2n("info")
    assert outcome.code == 0
    for word in ("net4", "1,368 parameters", "991,203 parameters", "gaussian", "pointsample", "torch"):
        assert word in outcome.out


def test_info_says_in_a_few_words_what_networks_and_losses_are(n2n: Command) -> None:
    outcome = n2n("info")
    for name in (*networks, *losses):
        assert name in outcome.out
    for words in ("net1 with transposed", "five scales", "the absolute error"):
        assert words in " ".join(outcome.out.split())


def test_info_of_a_run_says_how_it_was_made(n2n: Command, run_folder: Path) -> None:
    outcome = n2n("info", run_folder)
    assert outcome.code == 0
    for word in ("gaussian:25", "1,368", "3×32×32", "dB"):
        assert word in outcome.out


@pytest.mark.parametrize("command", ["demo", "train", "denoise", "evaluate", "bench", "info"])
def test_every_command_explains_itself_with_an_example(n2n: Command, command: str) -> None:
    outcome = n2n(command, "--help")
    assert outcome.code == 0
    assert f"Example: n2n {command}" in outcome.out
    assert "--seed" in outcome.out
    assert "--device" in outcome.out
