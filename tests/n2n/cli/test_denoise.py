import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.data import astronaut

from tests.n2n.cli.conftest import Command

Array = NDArray[Any]


def test_a_file_is_denoised_beside_itself(n2n: Command, run_folder: Path, photos: Path) -> None:
    outcome = n2n("denoise", photos / "0.png", "--run", run_folder)
    assert outcome.code == 0, outcome.err
    with Image.open(photos / "0-denoised.png") as after, Image.open(photos / "0.png") as before:
        assert after.size == before.size
        assert not np.array_equal(np.asarray(after), np.asarray(before))


def test_a_folder_is_denoised_into_another(n2n: Command, run_folder: Path, photos: Path) -> None:
    assert n2n("denoise", photos, "--run", run_folder, "--out", "clean").code == 0
    assert sorted(path.name for path in Path("clean").iterdir()) == [f"{i}.png" for i in range(4)]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_the_kind_of_picture_is_kept(n2n: Command, run_folder: Path, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (21, 37, 4), dtype=np.uint8)
    picture = (
        Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(pixels).convert(mode)
    )
    picture.save("in.png")
    assert n2n("denoise", "in.png", "--run", run_folder / "last.safetensors", "--out", "out.png").code == 0
    with Image.open("out.png") as out:
        assert (out.mode, out.size) == (mode, (37, 21))
        if "A" in mode:
            assert np.array_equal(np.asarray(out)[..., -1], np.asarray(picture)[..., -1])


def test_nothing_is_overwritten_unless_forced(n2n: Command, run_folder: Path, photos: Path) -> None:
    Path("mine.png").write_text("mine")
    arguments = ("denoise", photos / "0.png", "--run", run_folder, "--out", "mine.png")
    outcome = n2n(*arguments)
    assert outcome.code == 2
    assert "--force" in outcome.err
    assert Path("mine.png").read_text() == "mine"
    assert n2n(*arguments, "--force").code == 0


@pytest.mark.parametrize(
    ("picture", "run"), [("none.png", None), ("text.png", None), ("photos/0.png", "none"), ("photos/0.png", "photos")]
)
def test_bad_input_gives_one_sentence(
    n2n: Command, run_folder: Path, photos: Path, picture: str, run: str | None
) -> None:
    Path("text.png").write_text("not a picture")
    outcome = n2n("denoise", picture, "--run", run or run_folder)
    assert outcome.code == 2
    assert len(outcome.err.strip().splitlines()) == 1
    assert Path(run or picture).name in outcome.err


# Without a run: the networks that come with the package ------------------------------------------------------


@pytest.fixture
def clean() -> Array:
    """A piece of a photograph."""
    return np.asarray(astronaut()[:96, 160:256])


def noisy(clean: Array, sigma: float = 25) -> Array:
    noise = np.random.default_rng(0).normal(0, sigma, clean.shape)
    return (clean + noise).round().clip(0, 255).astype(np.uint8)


def loss(name: str, clean: Array) -> float:
    """The PSNR of a file, in dB."""
    with Image.open(name) as image:
        error = np.asarray(image).astype(float) - clean
    return float(20 * np.log10(255) - 10 * np.log10(np.square(error).mean()))


def test_a_photograph_is_denoised_without_any_training(n2n: Command, clean: Array) -> None:
    Image.fromarray(noisy(clean)).save("photo.png")
    outcome = n2n("denoise", "photo.png")
    assert outcome.code == 0, outcome.err
    assert "estimated" in outcome.out
    assert loss("photo-denoised.png", clean) > loss("photo.png", clean) + 5


def test_a_strength_that_is_given_is_used(n2n: Command, clean: Array) -> None:
    Image.fromarray(noisy(clean)).save("photo.png")
    results = []
    for strength in (2, 25, 60):
        outcome = n2n("denoise", "photo.png", "--noise", f"gaussian:{strength}", "--force")
        assert f"{strength}.0" in outcome.out
        assert "given" in outcome.out
        results.append(loss("photo-denoised.png", clean))
    assert results[1] == max(results)


def test_a_photograph_without_noise_is_not_damaged(n2n: Command, clean: Array) -> None:
    Image.fromarray(clean).save("photo.png")
    assert n2n("denoise", "photo.png").code == 0
    assert loss("photo-denoised.png", clean) > 38


@pytest.mark.parametrize("noise", ["poisson", "poisson:30"])
def test_poisson_noise_is_taken_away(n2n: Command, clean: Array, noise: str) -> None:
    counts = np.random.default_rng(0).poisson(clean * (30 / 255)) * (255 / 30)
    Image.fromarray(counts.round().clip(0, 255).astype(np.uint8)).save("photo.png")
    outcome = n2n("denoise", "photo.png", "--noise", noise)
    assert outcome.code == 0, outcome.err
    assert "photons" in outcome.out
    assert loss("photo-denoised.png", clean) > loss("photo.png", clean) + 4


def test_flips_make_it_better(n2n: Command, clean: Array) -> None:
    Image.fromarray(noisy(clean)).save("photo.png")
    assert n2n("denoise", "photo.png", "--out", "once.png").code == 0
    assert n2n("denoise", "photo.png", "--flips", "--out", "flips.png").code == 0
    assert loss("flips.png", clean) > loss("once.png", clean)


def test_grey_pictures_are_denoised_as_well(n2n: Command, clean: Array) -> None:
    grey = clean.mean(2)
    Image.fromarray(noisy(grey)).save("photo.png")
    assert n2n("denoise", "photo.png").code == 0
    assert loss("photo-denoised.png", grey) > loss("photo.png", grey) + 5


def test_metadata_is_kept(n2n: Command, clean: Array) -> None:
    exif = Image.Exif()
    exif[271] = "a maker"
    Image.fromarray(noisy(clean)).save("photo.jpg", exif=exif, dpi=(300, 300), icc_profile=b"a profile")
    assert n2n("denoise", "photo.jpg").code == 0
    with Image.open("photo-denoised.jpg") as out:
        assert out.getexif()[271] == "a maker"
        assert out.info["icc_profile"] == b"a profile"
        assert tuple(map(round, out.info["dpi"])) == (300, 300)


def test_of_a_folder_the_pictures_that_cannot_be_read_are_named_and_the_others_denoised(
    n2n: Command, photos: Path
) -> None:
    (photos / "1.png").write_bytes((photos / "1.png").read_bytes()[:200])
    (photos / "3.png").write_text("no picture")
    outcome = n2n("denoise", photos, "--out", "clean")
    assert outcome.code == 2
    assert len(outcome.err.strip().splitlines()) == 1
    assert "2 of 4" in outcome.err
    assert str(photos / "1.png") in outcome.err
    assert str(photos / "3.png") in outcome.err
    assert sorted(path.name for path in Path("clean").iterdir()) == ["0.png", "2.png"]


def test_a_picture_is_its_own_place_only_if_forced(n2n: Command, clean: Array) -> None:
    Image.fromarray(noisy(clean)).save("photo.png")
    before = Path("photo.png").read_bytes()
    assert n2n("denoise", "photo.png", "--out", "photo.png").code == 2
    assert Path("photo.png").read_bytes() == before
    assert n2n("denoise", "photo.png", "--out", "photo.png", "--force").code == 0
    assert loss("photo.png", clean) > 25


def test_what_cannot_be_written_is_said_before_the_work(
    n2n: Command, clean: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["n2n.cli.denoise"], "denoised", None)
    Image.fromarray(np.dstack([clean, clean[..., 0]])).save("photo.png")
    for out, word in (("clean.jpg", "transparency"), ("new/clean", "suffix"), ("photo.png/clean.png", "photo.png")):
        outcome = n2n("denoise", "photo.png", "--out", out)
        assert outcome.code == 2
        assert word in outcome.err
        assert len(outcome.err.strip().splitlines()) == 1
    assert not Path("new").exists()


@pytest.mark.parametrize(
    "noise", ["", "guassian", "gaussian:", "gaussian:-3", "gaussian:nan", "gaussian:0-50", "poisson:0", "poisson:many"]
)
def test_a_noise_that_makes_no_sense_is_refused(n2n: Command, photos: Path, noise: str) -> None:
    outcome = n2n("denoise", photos / "0.png", "--noise", noise)
    assert outcome.code == 2
    assert "gaussian" in outcome.err or "poisson" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_noise_without_a_network_is_said_to_have_none(n2n: Command, photos: Path) -> None:
    outcome = n2n("denoise", photos / "0.png", "--noise", "pointsample")
    assert outcome.code == 2
    assert "no network for pointsample noise comes with n2n" in outcome.err
    assert "train one, for --run" in outcome.err


def test_a_run_is_said_to_take_away_noise_like_that_of_its_training(
    n2n: Command, run_folder: Path, photos: Path
) -> None:
    outcome = n2n("denoise", photos / "0.png", "--run", run_folder, "--out", "out.png")
    assert outcome.code == 0
    assert "out.png: noise like that of its training" in outcome.out


@pytest.mark.parametrize(("named", "where"), [(".", "photos"), ("..", "photos/deep"), ("./", "photos")])
def test_the_folder_that_one_is_in_is_denoised_beside_itself(
    n2n: Command, run_folder: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, named: str, where: str
) -> None:
    (photos / "deep").mkdir()
    monkeypatch.chdir(photos.parent / where)
    assert n2n("denoise", named, "--run", run_folder).code == 0
    assert sorted(path.name for path in (photos.parent / "photos-denoised").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
        "3.png",
    ]


def test_a_noise_is_refused_for_a_network_that_cannot_be_told(n2n: Command, run_folder: Path, photos: Path) -> None:
    outcome = n2n("denoise", photos / "0.png", "--run", run_folder, "--noise", "gaussian:25")
    assert outcome.code == 2
    assert "--noise" in outcome.err


def test_memory_holds_few_copies_of_a_large_picture(run_folder: Path, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (1500, 2000), dtype=np.uint8)
    Image.fromarray(np.dstack([grey, grey, grey])).save(tmp_path / "large.png", compress_level=1)
    Image.fromarray(np.dstack([grey, grey, grey])[:300, :300]).save(tmp_path / "small.png")
    script = """
import resource, sys
from n2n.cli import app
for name in ("small", "large"):
    app(["denoise", name + ".png", "--run", sys.argv[1]], standalone_mode=False)
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    command = [sys.executable, "-c", script, str(run_folder)]
    root = str(Path(__file__).parents[3])
    ran = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    small, large = (int(line.split()[1]) for line in ran.stdout.splitlines() if line.startswith("peak"))
    assert (large - small) * 1024 < COPIES * 4 * 3 * grey.size


COPIES = 3  # of the picture as float32, at the most: what was read, what comes out, and what writing it takes
