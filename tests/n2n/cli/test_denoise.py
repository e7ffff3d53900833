from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.n2n.cli.conftest import Command


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
