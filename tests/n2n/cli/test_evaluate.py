import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from n2n.classical.baselines import Baseline, baselines
from n2n.classical.filters import gaussian_blur, median_filter
from n2n.images import read_image
from n2n.metrics import psnr, ssim
from n2n.training.loop import begin
from n2n.training.run import Run
from n2n.training.settings import Settings
from tests.n2n.cli.conftest import Command


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two baselines, of few parameters: tuning all of them has tests of its own."""
    blur = Baseline("Gaussian blur", gaussian_blur, (0.7,), [(0.5,), (1.0,)], "σ {:g} pixels")
    middle = Baseline("median filter", median_filter, (3,), [(1,), (3,)], "side {:g} pixels")
    for name in list(baselines):
        monkeypatch.delitem(baselines, name)
    for baseline in (blur, middle):
        monkeypatch.setitem(baselines, baseline.name, baseline)


@pytest.fixture
def run_folder(photos: Path, tmp_path: Path) -> Path:
    """A run at its beginning: what it makes of pictures is poor, and all that it needs to be here."""
    settings = Settings(network="net4", noise="gaussian:25", photos=str(photos))
    run, source = Run.create(tmp_path / "quick", settings), settings.source()
    run.save(begin(settings, source, torch.device("cpu")), source.shape, None)
    return run.path


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Photographs that the run has not seen, of several sizes, one of them grey."""
    folder = tmp_path / "others"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("a", (40, 56, 3)), ("b", (64, 33, 3)), ("c", (48, 48))):
        Image.fromarray(np.kron(rng.integers(0, 255, shape), np.ones(1)).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "images.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_photographs_are_compared_with_every_baseline(n2n: Command, run_folder: Path, others: Path) -> None:
    outcome = n2n("evaluate", run_folder, others, "--count", 4, "--size", 24, "--out", "evaluation")
    assert outcome.code == 0, outcome.err
    for name in ("noisy", "Gaussian blur", "median filter", "net4", "4 images of 24×24", "held out"):
        assert name in outcome.out
    assert len(lines(Path("evaluation"))) == 4 * 4
    assert Path("evaluation/pictures.png").stat().st_size > 10_000


def test_the_files_have_the_figures_computed_independently(n2n: Command, run_folder: Path) -> None:
    rng = np.random.default_rng(0)
    clean = rng.integers(50, 200, (5, 3, 32, 32)).astype(np.uint8)
    noisy = (clean + rng.integers(-30, 30, clean.shape)).astype(np.uint8)
    np.savez("pairs.npz", noisy=noisy, clean=clean)
    assert n2n("evaluate", run_folder, "pairs.npz", "--out", "evaluation").code == 0
    images, reference = (torch.from_numpy(each) / 255 for each in (noisy, clean))
    each = [line for line in lines(Path("evaluation")) if line["method"] == "noisy"]
    assert [line["image"] for line in each] == ["0", "1", "2", "3", "4"]
    for number, line in enumerate(each):
        one = slice(number, number + 1)
        assert float(line["psnr"]) == pytest.approx(psnr(images[one], reference[one]).mean, abs=1e-3)
        assert float(line["ssim"]) == pytest.approx(float(ssim(images[one], reference[one])), abs=1e-5)
    table = json.loads(Path("evaluation/table.json").read_text())
    assert [row["method"] for row in table["methods"]] == ["noisy", "Gaussian blur", "median filter", "net4"]
    first = table["methods"][0]
    expected = (*psnr(images, reference), float(ssim(images, reference).mean()))
    assert [first["psnr_mean"], first["psnr_overall"], first["ssim"]] == pytest.approx(expected, abs=1e-4)
    assert table["against"] == "clean images"


def test_whole_photographs_keep_their_names_and_sizes(n2n: Command, run_folder: Path, others: Path) -> None:
    outcome = n2n("evaluate", run_folder, others, "--whole", "--noise", "gaussian:10", "--out", "evaluation")
    assert outcome.code == 0, outcome.err
    found = lines(Path("evaluation"))
    assert {line["image"] for line in found} == {"a.png", "b.png", "c.png"}
    assert all(float(line["psnr"]) == pytest.approx(28.2, abs=0.5) for line in found if line["method"] == "noisy")


def test_averaging_over_orientations_is_said_and_changes_the_figures(
    n2n: Command, run_folder: Path, others: Path
) -> None:
    arguments = ("evaluate", run_folder, others, "--count", 2, "--size", 16)
    figures = []
    for extra in ((), ("--flips",)):
        outcome = n2n(*arguments, *extra, "--out", f"evaluation{len(extra)}")
        assert outcome.code == 0, outcome.err
        figures.append([line["psnr"] for line in lines(Path(f"evaluation{len(extra)}")) if "net4" in line["method"]])
    assert figures[0] != figures[1]
    assert "8 orientations" in outcome.out


def test_all_of_a_tensor_file_is_measured(n2n: Command, run_folder: Path) -> None:
    clean = np.full((7, 3, 32, 32), 100, np.uint8)
    np.savez("pairs.npz", noisy=clean + 5, clean=clean)
    outcome = n2n("evaluate", run_folder, "pairs.npz")
    assert "7 images of 32×32" in outcome.out
    assert f"{-20 * np.log10(5 / 255):.2f} dB" in outcome.out


def test_the_second_tensor_of_the_courses_file_is_clean(n2n: Command, run_folder: Path) -> None:
    clean = torch.full((3, 3, 32, 32), 100, dtype=torch.uint8)
    torch.save((clean + 5, clean), "val_data.pkl")
    outcome = n2n("evaluate", run_folder, "val_data.pkl")
    assert f"{-20 * np.log10(5 / 255):.2f} dB" in outcome.out


def capture(others: Path, places: list[tuple[str, str]], sigma: float) -> None:
    """Noisy captures of each photograph, the k-th at `{folder}/{name of the file}` of the k-th place."""
    rng = np.random.default_rng(1)
    for place, file in places:
        for path in others.iterdir():
            pixels = 60 + read_image(path).pixels.permute(1, 2, 0).numpy() * 130
            noisy = (pixels + rng.normal(0, sigma, pixels.shape)).round().astype(np.uint8)
            target = Path(place.format(path.stem)) / file.format(path.stem)
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noisy.squeeze()).save(target)


@pytest.mark.parametrize("extra", [("--whole",), ("--size", 24, "--count", 6)])
@pytest.mark.parametrize(
    ("places", "arguments", "names"),
    [
        ([("one", "{}.png"), ("two", "{}.png")], ("--pairs", "one", "two"), {"a.png", "b.png", "c.png"}),
        ([("all/{}", "first.png"), ("all/{}", "second.png")], ("--bursts", "all"), {"a", "b", "c"}),
    ],
    ids=["pairs", "bursts"],
)
def test_noisy_captures_give_an_estimate_which_is_said_to_be_one(
    n2n: Command,
    run_folder: Path,
    others: Path,
    places: list[tuple[str, str]],
    arguments: tuple[str, ...],
    names: set[str],
    extra: tuple[object, ...],
) -> None:
    capture(others, places, sigma=12)
    outcome = n2n("evaluate", run_folder, *arguments, *extra, "--out", "evaluation")
    assert outcome.code == 0, outcome.err
    assert "estimated from noisy pairs" in outcome.out
    table = json.loads(Path("evaluation/table.json").read_text())
    assert "estimated" in table["against"]
    assert table["methods"][0]["psnr_overall"] == pytest.approx(-20 * np.log10(12 / 255), abs=0.4)
    assert table["methods"][0]["ssim"] is None
    assert Path("evaluation/pictures.png").exists()
    if "--whole" in extra:
        assert {line["image"] for line in lines(Path("evaluation"))} == names


def test_the_runs_own_pictures_are_warned_of_and_not_tuned_on(n2n: Command, run_folder: Path, photos: Path) -> None:
    shutil.copytree(photos, "copies")
    for folder in (photos, "copies"):
        outcome = n2n("evaluate", run_folder, folder, "--count", 4, "--size", 24)
        assert outcome.code == 0, outcome.err
        assert "4 of the 4 files belong to the run's own pictures" in outcome.out
        assert "tuned on" in outcome.out
        assert "procedural" in outcome.out


def test_a_run_whose_pictures_are_gone_can_still_be_evaluated(
    n2n: Command, run_folder: Path, photos: Path, others: Path
) -> None:
    photos.rename("elsewhere")
    outcome = n2n("evaluate", run_folder, others, "--count", 4, "--size", 24)
    assert outcome.code == 0, outcome.err
    assert "procedural" in outcome.out
    assert "cannot be read" in outcome.out


@pytest.mark.parametrize("noise", ["gaussian:25", "poisson:30"])
def test_without_a_run_the_bundled_network_is_evaluated(n2n: Command, others: Path, noise: str) -> None:
    outcome = n2n("evaluate", others, "--noise", noise, "--size", 24, "--count", 2)
    assert outcome.code == 0, outcome.err
    assert f"bundled network for {noise.partition(':')[0]} noise" in outcome.out
    assert "procedural" in outcome.out


def test_without_a_run_the_noise_is_asked_for(n2n: Command, others: Path) -> None:
    for arguments, word in (
        ((others,), "--noise gaussian:25"),
        ((others, "--noise", "brown:25"), "no network for brown"),
        (("missing",), "no such folder"),
    ):
        outcome = n2n("evaluate", *arguments)
        assert outcome.code == 2
        assert word in outcome.err


def test_something_to_evaluate_on_is_asked_for(n2n: Command, run_folder: Path) -> None:
    outcome = n2n("evaluate", run_folder)
    assert outcome.code == 2
    assert "--pairs" in outcome.err


def test_what_cannot_be_measured_or_has_no_effect_is_refused(n2n: Command, run_folder: Path, photos: Path) -> None:
    clean = np.full((2, 3, 32, 32), 100, np.uint8)
    np.savez("pairs.npz", noisy=clean + 5, clean=clean)
    np.savez("small.npz", noisy=clean[..., :9] + 5, clean=clean[..., :9])
    Path("file").write_text("mine")
    for arguments, word in (
        (("pairs.npz", "--noise", "gaussian:5"), "--noise"),
        (("pairs.npz", "--whole"), "--whole"),
        (("pairs.npz", "--force"), "--force"),
        (("small.npz",), "11 pixels"),
        (("--pairs", photos, photos, "--noise", "gaussian:5"), "--noise"),
        (("--bursts", photos, "--noise", "gaussian:5"), "--noise"),
        (("--pairs", photos, photos, "--bursts", photos), "not more"),
        ((photos, "--pairs", photos, photos), "not more"),
        (("--pairs", photos, photos, "--whole", "--seed", 1), "--seed"),
        ((photos, "--whole", "--size", 32), "--size"),
        ((photos, "--size", 8), "11 pixels"),
        ((photos, "--count", 0), "at least 1"),
        (("pairs.npz", "--out", "file"), "another --out"),
        (("small.npz", "--out", "evaluation"), "11 pixels"),
    ):
        outcome = n2n("evaluate", run_folder, *arguments)
        assert outcome.code == 2, arguments
        assert word in outcome.err
    assert Path("file").read_text() == "mine"
    assert not Path("evaluation").exists()


def test_an_evaluation_is_not_replaced_without_force(n2n: Command, run_folder: Path) -> None:
    clean = np.full((2, 3, 32, 32), 100, np.uint8)
    np.savez("pairs.npz", noisy=clean + 5, clean=clean)
    arguments = ("evaluate", run_folder, "pairs.npz", "--out", "evaluation")
    assert n2n(*arguments).code == 0
    outcome = n2n(*arguments)
    assert outcome.code == 2
    assert "--force" in outcome.err
    assert n2n(*arguments, "--force").code == 0
