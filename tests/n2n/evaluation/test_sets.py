from pathlib import Path

import numpy as np
import pytest
import torch

from n2n.errors import InputError
from n2n.evaluation.sets import Crops, EvaluationSet, burst_set, capture_set, photo_set, tensor_set
from n2n.training.settings import Settings
from tests.n2n.samples import folder, picture


def shapes(evaluated: EvaluationSet) -> list[tuple[int, ...]]:
    return [tuple(each.noisy.shape) for each in evaluated.examples]


def test_photographs_are_taken_whole_or_in_crops(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", a=picture(40, 56), b=picture(33, 64))
    whole = photo_set(photos, "gaussian:25", None, None, seed=0)
    assert shapes(whole) == [(3, 40, 56), (3, 33, 64)]
    crops = photo_set(photos, "gaussian:25", None, Crops(5, 24), seed=0)
    assert shapes(crops) == [(3, 24, 24)] * 5
    assert crops.name == f"24×24 from {photos} with gaussian:25"
    for each in (whole, crops):
        assert [path.name for path in each.paths] == ["a.png", "b.png"]
        assert str(each.noise) == "gaussian:25"
        assert each.clean


def test_the_seed_decides_the_crops(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", a=picture(40, 56))
    drawn = [photo_set(photos, "gaussian:25", None, Crops(3, 16), seed).examples[0].noisy for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_the_noise_is_the_one_that_is_given_or_else_the_runs(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", a=picture(40, 56))
    run = Settings(noise="gaussian:10", photos=str(photos))
    assert str(photo_set(photos, None, run, None, 0).noise) == "gaussian:10"
    assert str(photo_set(photos, "poisson:30", run, None, 0).noise) == "poisson:30"
    for settings, word in ((None, "which noise"), (Settings(captures=("a", "b")), "brought their own noise")):
        with pytest.raises(InputError, match=word):
            photo_set(photos, None, settings, None, 0)
        with pytest.raises(InputError, match="no such folder"):
            photo_set(tmp_path / "missing", None, settings, None, 0)


def test_captures_are_named_by_their_files_and_bursts_by_their_folders(tmp_path: Path) -> None:
    sizes = {"x": (40, 56), "y": (33, 64)}
    one, other = (
        folder(tmp_path / name, **{scene: picture(*size, seed=seed) for scene, size in sizes.items()})
        for seed, name in enumerate(("one", "other"))
    )
    (tmp_path / "bursts").mkdir()
    for scene, size in sizes.items():
        folder(tmp_path / "bursts" / scene, **{f"c{seed}": picture(*size, seed=seed) for seed in range(3)})
    for evaluated, names in (
        (capture_set(one, other, None, 0), ["x.png", "y.png"]),
        (burst_set(tmp_path / "bursts", None, 0), ["x", "y"]),
    ):
        assert [each.name for each in evaluated.examples] == names
        assert shapes(evaluated) == [(3, *size) for size in sizes.values()]
        torch.testing.assert_close(evaluated.examples[1].second, picture(33, 64, seed=1).pixels)
        assert len(evaluated.paths) == 4
        assert (evaluated.noise, evaluated.clean) == (None, False)
    assert shapes(capture_set(one, other, Crops(5, 24), 0)) == [(3, 24, 24)] * 5
    assert shapes(burst_set(tmp_path / "bursts", Crops(5, 24), 0)) == [(3, 24, 24)] * 5


def test_captures_that_are_too_small_to_be_measured_are_refused(tmp_path: Path) -> None:
    one, other = (folder(tmp_path / name, a=picture(10, 40, seed=seed)) for seed, name in enumerate(("one", "other")))
    with pytest.raises(InputError, match="11×11"):
        capture_set(one, other, None, 0)


@pytest.mark.parametrize(("second", "clean"), [("clean", True), ("target", False)])
def test_a_tensor_file_says_whether_its_second_images_are_clean(tmp_path: Path, second: str, clean: bool) -> None:
    path = tmp_path / "pairs.npz"
    images = np.zeros((4, 3, 12, 20), np.uint8)
    np.savez(path, **{"noisy": images, second: images})
    evaluated = tensor_set(path)
    assert shapes(evaluated) == [(3, 12, 20)] * 4
    assert evaluated.name == f"20×12 from {path}"
    assert (list(evaluated.paths), evaluated.noise, evaluated.clean) == ([path], None, clean)


def test_second_images_of_which_nothing_is_said_count_as_clean(tmp_path: Path) -> None:
    images = torch.zeros(4, 3, 12, 20)
    torch.save((images, images), tmp_path / "val_data.pkl")
    assert tensor_set(tmp_path / "val_data.pkl").clean
