import json
from pathlib import Path

import numpy as np
import pytest
import torch

from n2n.errors import InputError
from n2n.reproduce.baselines import read_baselines
from n2n.reproduce.data import Data
from n2n.reproduce.preparing import Origin, prepare
from tests.n2n.samples import folder, generator, picture


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder(tmp_path / "photos", a=picture(64, 64), b=picture(64, 70, seed=1), c=picture(66, 64, seed=2))


def made(tmp_path: Path, origin: Origin) -> Data:
    prepare(tmp_path / "out", origin, lambda count: None)
    return Data.open(tmp_path / "out")


def test_point_samples_are_kept_in_8_bits_and_other_noise_is_not_cut_off(tmp_path: Path, photos: Path) -> None:
    points = made(tmp_path / "points", Origin(photos, scale=0.001))
    assert (points.pairs.dtype, points.pairs.shape) == (torch.uint8, (50, 2, 3, 32, 32))
    normal = made(tmp_path / "normal", Origin(photos, noise="gaussian:50", scale=0.001))
    assert normal.pairs.dtype == torch.float32
    assert float(normal.pairs.min()) < 0 < 1 < float(normal.pairs.max())


def test_the_same_seed_makes_the_same_pairs(tmp_path: Path, photos: Path) -> None:
    one, same, other = (
        made(tmp_path / str(number), Origin(photos, scale=0.001, seed=seed)) for number, seed in enumerate((0, 0, 1))
    )
    assert torch.equal(one.pairs, same.pairs)
    assert not torch.equal(one.pairs, other.pairs)


def test_nothing_is_made_twice(tmp_path: Path, photos: Path) -> None:
    made(tmp_path, Origin(photos, scale=0.001))
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "out" / "data").iterdir()}
    made(tmp_path, Origin(photos, scale=0.001))
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out" / "data").iterdir()} == times


def test_the_course_s_files_are_taken_as_they_are(tmp_path: Path) -> None:
    noisy, target = torch.randint(0, 256, (2, 40, 3, 32, 32), dtype=torch.uint8, generator=generator())
    torch.save((noisy, target), tmp_path / "train.pkl")
    torch.save((noisy[:30], target[:30]), tmp_path / "val.pkl")
    np.savez(tmp_path / "test.npz", noisy=noisy[:7].numpy(), clean=target[:7].numpy())
    origin = Origin(
        tensors=tmp_path / "train.pkl", validation=tmp_path / "val.pkl", test=tmp_path / "test.npz", scale=0.5
    )
    data = made(tmp_path, origin)
    assert torch.equal(data.pairs, torch.stack([noisy, target], 1)[:20])
    assert torch.equal(data.held_out.clean, target[:30] / 255)
    assert data.test is not None
    assert torch.equal(data.test.noisy, noisy[:7] / 255)


def test_the_blur_is_tuned_on_training_pairs_and_is_better_than_nothing(tmp_path: Path) -> None:
    smooth = torch.nn.functional.interpolate(torch.rand(60, 3, 4, 4, generator=generator()), 32, mode="bilinear")
    noisy = (smooth + 0.1 * torch.randn(2, *smooth.shape, generator=generator(1))).clamp(0, 1)
    eight = [(each * 255).round().byte() for each in (noisy[0], noisy[1], smooth)]
    torch.save((eight[0], eight[1]), tmp_path / "train.pkl")
    torch.save((eight[0][:20], eight[2][:20]), tmp_path / "val.pkl")
    made(tmp_path, Origin(tensors=tmp_path / "train.pkl", validation=tmp_path / "val.pkl"))
    before, blur = read_baselines(tmp_path / "out")
    assert before.name == "noisy input"
    assert before.held_out.psnr is not None
    assert blur.held_out.psnr is not None
    assert blur.held_out.psnr > before.held_out.psnr + 3


@pytest.mark.parametrize("scale", [0, -1, 1.5])
def test_the_scale_is_a_fraction(scale: float) -> None:
    with pytest.raises(InputError, match="it is a fraction"):
        Origin(scale=scale)


def test_the_course_s_files_go_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give both --tensors and --validation"):
        Origin(tensors=tmp_path / "train.pkl")


def test_a_test_file_has_clean_images_of_the_right_size(tmp_path: Path, photos: Path) -> None:
    images = np.zeros((4, 3, 32, 32), np.uint8)
    np.savez(tmp_path / "noisy.npz", noisy=images, target=images)
    np.save(tmp_path / "captures.npy", np.stack([images, images], 1))
    np.savez(tmp_path / "large.npz", noisy=images[..., :16], clean=images[..., :16])
    unclean, misfit = "has no clean images", r"\(3, 32, 32\) are needed"
    for name, said in (("noisy.npz", unclean), ("captures.npy", unclean), ("large.npz", misfit)):
        with pytest.raises(InputError, match=said):
            made(tmp_path / "out", Origin(photos, test=tmp_path / name, scale=0.001))
    assert not list((tmp_path / "out").rglob("pairs.npy"))  # which take minutes to make


def test_a_description_has_names_and_no_paths(tmp_path: Path, photos: Path) -> None:
    text = json.dumps(Origin(photos).described())
    assert "photos" in text
    assert str(tmp_path) not in text
    (photos / "a.png").unlink()
    assert json.dumps(Origin(photos).described()) != text
