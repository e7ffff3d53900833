import json
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
import torch
from PIL import Image

from n2n.bench import Plan
from n2n.bench import plan as planning
from n2n.bench.memory import Peaks
from n2n.bench.peers import choice
from n2n.bench.peers.torch_modules import TorchModules
from tests.n2n.cli.conftest import Command

CHAIN = ("bench", "--only", "chain", "--rounds", 2, "--threads", 1)


def test_a_row_is_printed_and_written(n2n: Command) -> None:
    outcome = n2n("bench", "--quick", "--only", "net4-1", "--rounds", 2, "--threads", 1, "--out", "results")
    assert outcome.code == 0, outcome.err
    for word in ("net4, batch 1", "torch channels-last", "≤ 0.5", "First calls", "threads", "python"):
        assert word in outcome.out
    report = json.loads(Path("results/bench.json").read_text())
    assert report["threads"] == 1
    (row,) = report["rows"]
    assert {"tape", "torch", "torch channels-last"} <= row["seconds"].keys()
    assert all(1 <= len(seconds) <= 2 for seconds in row["seconds"].values())
    assert row["ratios"]["torch"]["low"] <= row["ratios"]["torch"]["median"] <= row["ratios"]["torch"]["high"]
    assert [goal["at_most"] for goal in row["goals"]] == [0.5]
    (start,) = report["starts"]
    assert (start["name"], start["at_most"]) == ("net4-1", 0.5)
    assert start["seconds"].keys() == {"tape"}
    assert not Path("results/bench.png").exists()


def test_the_chain_is_given_per_operation_in_a_fresh_folder(n2n: Command) -> None:
    outcome = n2n(*CHAIN)
    assert outcome.code == 0, outcome.err
    for word in ("200 operations on 10 numbers", "tape compiled", "µs/op", "torch.func", "runs/bench-1/bench.json"):
        assert word in outcome.out
    assert n2n(*CHAIN).code == 0
    rows = {row["name"]: row for row in json.loads(Path("runs/bench-2/bench.json").read_text())["rows"]}
    recorded, compiled = rows["chain"], rows["chain-compiled"]
    assert recorded["seconds"].keys() - compiled["seconds"].keys() == {"tape"}
    assert compiled["ratios"].keys() == recorded["ratios"].keys() > {"torch autograd"}
    assert [goal["at_most"] for goal in compiled["goals"]] == [0.4]


def test_a_picture_is_denoised_and_weighed(n2n: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "QUICK_SIDE", 64)
    monkeypatch.setattr(planning, "measurable", lambda device: True)
    monkeypatch.setattr(Peaks, "__call__", lambda self, job: {"tape": 100, "torch": 300}.get(job.contender, 200))
    outcome = n2n("bench", "--quick", "--only", "inference", "--rounds", 1, "--threads", 1, "--out", "results")
    assert outcome.code == 0, outcome.err
    assert "unet 64×64, one picture" in outcome.out
    (row,) = json.loads(Path("results/bench.json").read_text())["rows"]
    assert row["seconds"].keys() == {"tape", "torch", "torch channels-last"}
    assert [goal["at_most"] for goal in row["goals"]] == [0.9]
    goal = row["memory_goal"]
    assert (goal["against"], goal["at_most"], goal["ratio"], goal["met"]) == ("torch channels-last", 0.5, 0.5, True)


def test_finding_a_program_is_a_line_of_its_own(n2n: Command) -> None:
    outcome = n2n("bench", "--only", "cached-call", "--rounds", 2, "--out", "results")
    assert outcome.code == 0, outcome.err
    for word in ("cached call, 10 arguments", "µs", "≤ 20 µs"):
        assert word in outcome.out
    (start,) = json.loads(Path("results/bench.json").read_text())["starts"]
    assert start["seconds"]["tape"] > 0


def test_torch_compile_takes_part_and_its_first_call_is_stated(n2n: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("n2n.cli.bench"), "hindrance", lambda: "")
    monkeypatch.setattr(choice, "compiled", partial(TorchModules, compiler="eager"))
    outcome = n2n("bench", "--quick", "--only", "net4-1", "--rounds", 1, "--compile", "--out", "results")
    assert outcome.code == 0, outcome.err
    assert "torch.compile" in outcome.out
    report = json.loads(Path("results/bench.json").read_text())
    assert "torch.compile" in report["rows"][0]["ratios"]
    assert report["starts"][0]["seconds"].keys() == {"tape", "torch.compile"}


def test_torch_compile_needs_a_compiler(n2n: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    outcome = n2n("bench", "--compile", "--only", "net4-1")
    assert outcome.code == 2
    assert "no C++ compiler no-such-compiler" in outcome.err
    assert "--compile" in outcome.err
    assert outcome.err.count("\n") == 1
    assert not Path("runs").exists()


def test_growth_is_fitted_and_drawn(n2n: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "batches", [2, 4])
    monkeypatch.setattr(planning, "measurable", lambda device: True)
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


def test_torch_compile_is_not_to_be_asked_for_on_a_gpu(n2n: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("n2n.cli.bench"), "torch_device", torch.device)
    outcome = n2n("bench", "--compile", "--device", "cuda")
    assert outcome.code == 2
    assert "--compile has no effect on cuda" in outcome.err
    assert not Path("runs").exists()


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
