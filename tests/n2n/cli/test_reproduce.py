"""`n2n reproduce`, at a scale of moments."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from n2n.reproduce import experiments, needed
from n2n.reproduce.results import Results
from tests.n2n.cli.conftest import Command

TINY = ("--scale", 0.0004, "--jobs", 1)


@pytest.fixture
def test_file(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), np.uint8)
    np.savez(tmp_path / "real.npz", noisy=images, clean=images // 2 + 50)
    return tmp_path / "real.npz"


def test_every_figure_of_every_cell_is_in_the_report(n2n: Command, photos: Path, test_file: Path) -> None:
    names = ("table1", "fig1", "fig2", "fig3")
    outcome = n2n("reproduce", *names, "--photos", photos, "--test", test_file, *TINY, "--seeds", 2, "--out", "out")
    assert outcome.code == 0, outcome.err
    text, page = Path("out/report.md").read_text(), Path("out/report.html").read_text()
    plain = re.sub(r"<[^>]*>", "", page)
    results = Results(json.loads(Path("out/results.json").read_text())["cells"])
    for experiment in (experiments[name] for name in names):
        assert experiment.title in text
        assert experiment.title in plain
        for row in experiment.rows:
            for images in ("test", "held_out"):
                mean = results.over_seeds(row.cell, lambda epoch, images=images: getattr(epoch, images).psnr)  # type: ignore[misc]
                assert mean.count == 2
                if experiment.name != "fig3":
                    assert mean.text(2) in text
                    assert mean.text(2) in plain
            for figure in (row.reported.psnr, row.reported.loss):
                assert figure is None or f"{figure:g}" in text
    assert "A quick pass at scale 0.0004" in text
    assert "over 2 seeds" in text
    assert "noisy input" in text
    for name in ("fig1", "fig2", "fig3"):
        with Image.open(f"out/{name}.png") as figure:
            figure.verify()
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert str(Path.cwd()) not in text + page + Path("out/results.json").read_text()


def test_it_goes_on_where_it_was_stopped(n2n: Command, photos: Path) -> None:
    command = ("reproduce", "table1", "--photos", photos, *TINY, "--seeds", 1)
    assert n2n(*command, "--out", "whole").code == 0
    assert n2n(*command, "--out", "stopped").code == 0
    cells = sorted(Path("stopped/cells").glob("*.json"))
    assert len(cells) == 4
    cells[0].unlink()
    kept = {cell: cell.stat().st_mtime_ns for cell in cells[1:]}
    outcome = n2n(*command, "--out", "stopped")
    assert "3 of 4 cells are done already" in outcome.out
    assert {cell: cell.stat().st_mtime_ns for cell in cells[1:]} == kept
    for cell in cells:
        ended, anew = (json.loads((Path(out) / "cells" / cell.name).read_text()) for out in ("stopped", "whole"))
        assert [each["held_out"] for each in ended["epochs"]] == [each["held_out"] for each in anew["epochs"]]


def test_results_on_different_data_are_not_mixed(n2n: Command, photos: Path) -> None:
    command = ("reproduce", "fig3", "--photos", photos, "--seeds", 1, "--jobs", 1, "--out", "out")
    assert n2n(*command, "--scale", 0.0004).code == 0
    outcome = n2n(*command, "--scale", 0.0005)
    assert outcome.code == 2
    assert "scale 0.0004, not 0.0005" in outcome.err


def test_the_paper_s_table(n2n: Command, photos: Path) -> None:
    pictures = Path("kodak")
    pictures.mkdir()
    grid = np.add.outer(np.arange(40), np.arange(33))[..., None] * np.array([1, 2, 3])
    Image.fromarray((grid % 256).astype(np.uint8)).save(pictures / "a.png")
    paper = ("--crop", 32, "--steps", 1, "--test-folder", f"Kodak={pictures}")
    outcome = n2n("reproduce", "paper", "--photos", photos, *paper, "--jobs", 1, "--out", "out")
    assert outcome.code == 0, outcome.err
    text, page = Path("out/report.md").read_text(), Path("out/report.html").read_text()
    for title, *figures in (
        ("Kodak, Gaussian, σ 25", "31.82 (BM3D)", "32.50", "32.48"),
        ("Kodak, Poisson, λ 30", "29.15 (Anscombe)", "31.52", "31.50"),
        ("Kodak, Bernoulli, p 0.5", "30.78 (deep image prior)", "33.01", "33.17"),
    ):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {title} |")]
        assert [cell.strip() for cell in line.split("|")[8:11]] == figures
        assert title in page
        methods = ("non-local means", "sliding DCT") if "Bernoulli" not in title else ("pixels that are left",)
        assert all(f"{method})" in line for method in methods)
    assert "These are not the paper's sets" in text
    assert len(list(Path("out/cells").glob("*.json"))) == 11
    again = n2n("reproduce", "paper", "--photos", photos, *paper, "--jobs", 1, "--out", "out")
    assert "11 of 11 cells are done already" in again.out


def test_all_is_the_report_s_and_the_transposed_ones() -> None:
    cells = needed(experiments.values(), range(3))
    assert {cell.network for cell in cells} >= {"net1", "net4-transposed", "stride1-transposed"}
    assert list(experiments) == ["table1", "table2", "table3", "fig1", "fig2", "fig3", "transposed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tabel1",), "unknown experiment 'tabel1'; did you mean 'table1'?"),
        (("table1", "--scale", 2), "it is a fraction"),
        (("table1", "--seeds", 0), "--seeds is 0"),
        (("table1", "--jobs", 0), "--jobs is 0"),
        (("table1", "--photos", "a", "--tensors", "b"), "give one source of pairs"),
        (("table1", "--tensors", "b"), "give both --tensors and --validation"),
        (("table1", "--photos", "nowhere"), "nowhere: no such file or folder"),
        (("table1", "--noise", "guassian:3"), "did you mean 'gaussian'?"),
        (("table1", "--steps", 4), "--steps has no effect without paper"),
        (("paper", "--noise", "gaussian:3"), "--noise has no effect on paper"),
        (("paper", "--test-folder", "kodak"), "write a name and a folder"),
        (("paper", "--crop", 8), "at least 32 pixels"),
    ],
)
def test_bad_input_is_one_sentence_and_makes_no_folder(n2n: Command, arguments: tuple[object, ...], said: str) -> None:
    outcome = n2n("reproduce", *arguments, "--out", "out")
    assert outcome.code == 2
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert not Path("out").exists()
