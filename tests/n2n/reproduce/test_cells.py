import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from n2n.reproduce.cells import Cell, Record
from n2n.reproduce.running import run_jobs

SHORT = Cell(batch=10, epochs=1)


def record(cell: Cell, folder: Path) -> dict[str, Any]:
    found = [news.record for news in run_jobs([cell], folder, 1) if news.record is not None]
    return found[0]


def figures(content: dict[str, Any]) -> list[dict[str, Any]]:
    """All but the times."""
    return [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in content["epochs"]]


def test_a_longer_training_goes_through_the_shorter_one(data: Path) -> None:
    short, long = record(SHORT, data), record(replace(SHORT, epochs=3), data)
    assert figures(short) == figures(long)[:1]
    assert len(long["epochs"]) == 3
    assert SHORT.answered_by(long)
    assert not replace(SHORT, epochs=3).answered_by(short)


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(data: Path) -> None:
    assert figures(record(SHORT, data)) == figures(record(SHORT, data)) != figures(record(replace(SHORT, seed=1), data))


@pytest.mark.parametrize(
    "other", [{"batch": 11}, {"lr": 0.002}, {"betas": (0.9, 0.9)}, {"seed": 1}, {"network": "net1"}]
)
def test_all_settings_but_the_epochs_are_in_the_key(other: dict[str, Any]) -> None:
    assert replace(SHORT, **other).key != SHORT.key == replace(SHORT, epochs=9).key


def test_an_epoch_takes_each_pair_once_and_says_so(data: Path) -> None:
    cell = replace(SHORT, epochs=2)
    assert sum(news.pairs for news in run_jobs([cell], data, 1)) == 2 * 24 == cell.size(data)


def test_it_learns(data: Path) -> None:
    epochs = record(Cell(batch=4, lr=0.01, epochs=6), data)["epochs"]
    assert epochs[-1]["held_out"]["loss"] < epochs[0]["held_out"]["loss"]
    assert epochs[-1]["loss"] < epochs[0]["loss"]


def test_a_training_that_diverges_has_no_figures_and_is_json(data: Path) -> None:
    content = record(Cell("stride1", batch=4, lr=1e30, epochs=2), data)
    assert content["epochs"][-1]["held_out"] == {"psnr": None, "overall": None, "loss": None}
    json.dumps(content, allow_nan=False)


def test_a_record_is_read_back_as_it_was(data: Path) -> None:
    content = json.loads(json.dumps(record(SHORT, data)))
    read = Record.of(content)
    assert read.cell == SHORT
    assert read.epochs[0].held_out.psnr == content["epochs"][0]["held_out"]["psnr"]
    assert read.epochs[0].test is None
