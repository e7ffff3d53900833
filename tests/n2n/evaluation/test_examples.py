from pathlib import Path

import pytest
import torch

from n2n.evaluation.examples import tensor_images, whole_captures, whole_photos
from n2n.images.tensor_files import TensorPairs
from n2n.noise import parse_noise
from tests.n2n.samples import folder, generator, picture


def test_whole_photographs_keep_their_sizes_and_their_noise_is_their_own(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(40, 70), b=picture(33, 21, channels=1), c=picture(40, 70))
    paths = sorted(path.iterdir())
    noise = parse_noise("gaussian:25")
    photographs = whole_photos(paths, noise, seed=3)
    assert [tuple(each.noisy.shape) for each in photographs] == [(3, 40, 70), (1, 33, 21), (3, 40, 70)]
    assert [each.name for each in photographs] == ["a.png", "b.png", "c.png"]
    noises = [each.noisy - each.second for each in photographs]
    assert float(noises[0].std()) * 255 == pytest.approx(25, rel=0.05)
    torch.testing.assert_close(photographs[0].second, picture(40, 70).pixels)
    assert torch.equal(photographs[1].noisy, photographs[1].noisy)
    assert not torch.equal(noises[0], noises[2])
    assert not torch.equal(photographs[0].noisy, whole_photos(paths, noise, seed=4)[0].noisy)


def test_point_sampled_photographs_shrink_to_their_cells(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", a=picture(96, 120))
    example = whole_photos([path / "a.png"], parse_noise("pointsample:8"), 0)[0]
    assert example.noisy.shape == example.second.shape == (3, 12, 15)


def test_whole_captures_are_taken_as_they_are(tmp_path: Path) -> None:
    one = folder(tmp_path / "a", a=picture(40, 70, seed=1), b=picture(21, 33, channels=1))
    other = folder(tmp_path / "b", a=picture(40, 70, seed=2), b=picture(21, 33, seed=3))
    captures = whole_captures(["x", "y"], [(one / name, other / name) for name in ("a.png", "b.png")])
    assert [each.name for each in captures] == ["x", "y"]
    torch.testing.assert_close(captures[0].noisy, picture(40, 70, seed=1).pixels)
    torch.testing.assert_close(captures[0].second, picture(40, 70, seed=2).pixels)
    assert captures[1].noisy.shape == captures[1].second.shape == (3, 21, 33)


def test_the_images_of_a_tensor_file_are_read_one_by_one() -> None:
    noisy, clean = torch.rand(2, 4, 3, 12, 12, generator=generator())
    found = tensor_images(TensorPairs(noisy, clean, clean=True))
    assert [each.name for each in found] == ["0", "1", "2", "3"]
    assert torch.equal(torch.stack([each.noisy for each in found]), noisy)
    assert torch.equal(torch.stack([each.second for each in found]), clean)
