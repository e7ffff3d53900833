import json
from pathlib import Path

import pytest
from PIL import Image

from n2n.bench import Plan, measuring
from n2n.bench.memory import Peaks
from tests.n2n.cli.conftest import Command

CHAIN = ("bench", "--only", "chain", "--rounds", 2, "--threads", 1)


def test_a_row_is_printed_and_written(n2n: Command) -> None:
    outcome = n2n("bench", "--quick", "--only", "net4-1", "--rounds", 2, "--threads", 1, "--out", "results")
    assert outcome.code == 0, outcome.err
    for word in ("net4, batch 1", "torch channels-last", "≤ 1.5", "threads", "python"):
        assert word in outcome.out
    report = json.loads(Path("results/bench.json").read_text())
    assert report["threads"] == 1
    (row,) = report["rows"]
    assert {"tape", "torch", "torch channels-last"} <= row["seconds"].keys()
    assert all(1 <= len(seconds) <= 2 for seconds in row["seconds"].values())
    assert row["ratios"]["torch"]["low"] <= row["ratios"]["torch"]["median"] <= row["ratios"]["torch"]["high"]
    assert [goal["at_most"] for goal in row["goals"]] == [1.5]
    assert not Path("results/bench.png").exists()


def test_the_chain_is_given_per_operation_in_a_fresh_folder(n2n: Command) -> None:
    outcome = n2n(*CHAIN)
    assert outcome.code == 0, outcome.err
    for word in ("200 operations on 10 numbers", "µs/op", "torch.func", "runs/bench-1/bench.json"):
        assert word in outcome.out
    assert n2n(*CHAIN).code == 0
    assert Path("runs/bench-2/bench.json").is_file()


def test_growth_is_fitted_and_drawn(n2n: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "batches", [2, 4])
    monkeypatch.setattr(measuring, "measurable", lambda device: True)
    monkeypatch.setattr(Peaks, "__call__", lambda self, job: 1000 * job.batch**2)
    outcome = n2n("bench", "--quick", "--only", "growth", "--threads", 1, "--out", "results")
    assert outcome.code == 0, outcome.err
    assert "batch 2 to 4" in outcome.out
    growth = json.loads(Path("results/bench.json").read_text())["growth"]
    assert growth["batches"] == [2, 4]
    assert growth["time_exponents"].keys() == growth["seconds"].keys()
    assert growth["memory_exponents"] == pytest.approx(dict.fromkeys(growth["peaks"], 2.0))
    with Image.open("results/bench.png") as picture:
        assert min(picture.size) > 300


def test_results_that_exist_are_kept_unless_forced(n2n: Command) -> None:
    Path("results").mkdir()
    Path("results/bench.json").write_text("mine")
    outcome = n2n(*CHAIN, "--out", "results")
    assert outcome.code == 2
    assert "--force" in outcome.err
    assert Path("results/bench.json").read_text() == "mine"
    assert n2n(*CHAIN, "--out", "results", "--force").code == 0
    assert json.loads(Path("results/bench.json").read_text())["rows"][0]["name"] == "chain"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--only", "nets4"), "net4"),
        (("--threads", 0), "--threads"),
        (("--threads", 100_000), "--threads"),
        (("--rounds", 0), "--rounds"),
        (("--device", "nowhere"), "nowhere"),
        (("--out", "a-file"), "a-file"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(n2n: Command, arguments: tuple[object, ...], word: str) -> None:
    Path("a-file").write_text("")
    outcome = n2n("bench", *arguments)
    assert outcome.code == 2
    assert word in outcome.err
    assert outcome.err.count("\n") == 1
    assert not Path("runs").exists()
