import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from n2n.errors import InputError
from n2n.images.tensor_files import TensorPairs, read_tensors
from n2n.sources import Source, Tensors, tensors
from tests.n2n.samples import generator


def images(count: int, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (count, channels, 8, 8), generator=generator(seed), dtype=torch.uint8)


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_the_course_file_is_two_tensors(tmp_path: Path) -> None:
    noisy, target = images(50), images(50, seed=1)
    source: Source = tensors(saved(tmp_path / "train.pkl", (noisy, target)))
    assert source.shape == (3, 8, 8)
    assert not source.has_clean
    known = {tuple(one.flatten().tolist()): other for one, other in zip(noisy, target, strict=True)}
    for one, other in zip(*source.draw(20, generator())[:2], strict=True):
        assert torch.equal(known[tuple(one.mul(255).round().int().flatten().tolist())], other.mul(255).round())


def test_validation_of_a_tensor_file_is_never_trained_on(tmp_path: Path) -> None:
    shades = torch.arange(50, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).contiguous()
    source = tensors(saved(tmp_path / "train.pkl", (shades, shades + 100)), held_out=0.2)
    trained = set(source.draw(2000, generator())[0].mul(255).round().unique().tolist())
    validated = source.validation(10, generator())[0][:, 0, 0, 0].mul(255).round().tolist()
    assert len(set(validated)) == 10
    assert len(trained) == 40
    assert not trained & set(validated)
    assert source.validation(25, generator())[0].shape[0] == 25


def test_a_validation_file_has_clean_images(tmp_path: Path) -> None:
    train = saved(tmp_path / "train.pkl", (images(10), images(10, seed=1)))
    noisy, clean = images(4, seed=2), images(4, seed=3)
    source = tensors(train, saved(tmp_path / "val.pkl", (noisy, clean)))
    assert source.has_clean
    assert len(source.training.noisy) == 10
    assert set(source.validation(4, generator())[1].unique().tolist()) == set((clean / 255).unique().tolist())
    with pytest.raises(InputError, match=r"val1\.pkl holds images \(1, 8, 8\)"):
        tensors(train, saved(tmp_path / "val1.pkl", (images(4, channels=1), images(4, channels=1))))


def test_validation_is_clean_unless_its_file_says_that_it_is_not(tmp_path: Path) -> None:
    train = saved(tmp_path / "train.pkl", (images(10), images(10, seed=1)))
    noisy, second = images(4, seed=2), images(4, seed=3)
    np.savez(tmp_path / "clean.npz", noisy=noisy.numpy(), clean=second.numpy())
    np.savez(tmp_path / "target.npz", noisy=noisy.numpy(), target=second.numpy())
    np.save(tmp_path / "captures.npy", torch.stack([noisy, second], 1).numpy())
    saved(tmp_path / "val.pt", (noisy, second))
    for name, clean in (("clean.npz", True), ("target.npz", False), ("captures.npy", False), ("val.pt", True)):
        assert tensors(train, tmp_path / name).has_clean == clean


@pytest.mark.parametrize("second", ["clean", "target"])
def test_an_npz_says_whether_its_images_are_clean(tmp_path: Path, second: str) -> None:
    arrays = {"noisy": images(6).numpy(), second: images(6, seed=1).numpy(), "index": np.arange(6)}
    np.savez(tmp_path / "a.npz", **arrays)
    pairs = read_tensors(tmp_path / "a.npz")
    assert pairs.clean == (second == "clean")
    noisy, other = pairs.images()
    assert torch.equal(noisy, images(6) / 255)
    assert torch.equal(other, images(6, seed=1) / 255)
    assert tensors(tmp_path / "a.npz").has_clean == (second == "clean")


def test_floating_images_are_taken_as_they_are(tmp_path: Path) -> None:
    values = torch.rand(3, 1, 8, 8, dtype=torch.float64) * 1.5 - 0.25
    noisy, _ = read_tensors(saved(tmp_path / "a.pt", (values, values))).images()
    assert torch.equal(noisy, values.float())


class Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_tensor_file_does_not_run(tmp_path: Path, zipped: bool) -> None:
    path, trace = tmp_path / "train.pkl", tmp_path / "ran"
    if zipped:
        torch.save((images(2), Harmful(trace)), path)
    else:
        path.write_bytes(pickle.dumps((images(2).numpy(), Harmful(trace))))
    with pytest.raises(InputError, match=r"train\.pkl holds more than tensors, which is not run"):
        read_tensors(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (images(2), "not a pair of tensors"),
        ((images(2), images(2), images(2)), "not a pair of tensors"),
        ({"noisy": images(2)}, "not a pair of tensors"),
        ((images(2), "clean"), "not a pair of tensors"),
        ((images(2), images(3)), r"\(2, 3, 8, 8\) and \(3, 3, 8, 8\)"),
        ((images(2)[0], images(2)[0]), "two of one shape"),
        ((images(2, channels=2), images(2, channels=2)), "two of one shape"),
        ((images(0), images(0)), "two of one shape"),
        ((images(2).int(), images(2).int()), "int32 numbers"),
        ((images(2).float(), images(2).float()), "so that white is 1"),
        ((images(2) / torch.zeros(1), images(2) / 255), "finite"),
        ((images(2) / 255 - 9, images(2) / 255), "numbers from -9 to -8"),
        ((images(2).to(torch.float8_e4m3fn), images(2)), "float8_e4m3fn numbers"),
        ((images(2).to("meta"), images(2).to("meta")), "not a pair of tensors"),
    ],
)
def test_a_tensor_file_that_is_not_two_image_tensors_is_named(tmp_path: Path, content: object, why: str) -> None:
    with pytest.raises(InputError, match=rf"train\.pkl .*{why}"):
        read_tensors(saved(tmp_path / "train.pkl", content))


def test_damaged_tensor_files_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "train.pkl", (images(4), images(4)))
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"train\.pkl"):
            read_tensors(path)
    with pytest.raises(InputError, match="no such file"):
        read_tensors(tmp_path / "none.pkl")
    with pytest.raises(InputError, match="is a folder where a tensor file is expected"):
        read_tensors(tmp_path)
    (tmp_path / "a.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"a\.npz"):
        read_tensors(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", first=np.zeros(3), second=np.zeros(3))
    with pytest.raises(InputError, match=r"b\.npz holds first, second: 'noisy'"):
        read_tensors(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", noisy=np.array(["a"]), clean=np.array(["b"]))
    with pytest.raises(InputError, match=r"c\.npz holds arrays that are not of numbers"):
        read_tensors(tmp_path / "c.npz")
    with pytest.raises(InputError, match="holds one pair"):
        tensors(saved(tmp_path / "one.pkl", (images(1), images(1, seed=1))))


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">u2", "<f8", "f2"])
def test_an_npz_may_come_from_a_machine_of_the_other_byte_order(tmp_path: Path, dtype: str) -> None:
    expected = images(3) / 255
    scale = 65535 if dtype[-2] == "u" else 1
    array = (expected.double() * scale).numpy().astype(dtype)
    np.savez(tmp_path / "a.npz", noisy=array, target=array)
    torch.testing.assert_close(read_tensors(tmp_path / "a.npz").images()[0], expected, atol=5e-4, rtol=0)


def test_a_draw_shares_no_memory_with_the_file_s_images() -> None:
    values = torch.rand(4, 1, 8, 8)
    source = Tensors(TensorPairs(values, values, True), TensorPairs(values, values, True))
    before = values.clone()
    for drawn in (source.draw(4, generator()), source.validation(4, generator())):
        drawn[0].zero_()
    assert torch.equal(values, before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float16])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_npy_holds_two_captures_of_each_image(tmp_path: Path, dtype: Any, channels: int) -> None:
    most = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    values = np.random.default_rng(0).random((12, 2, channels, 6, 5)) * most
    array = values.astype(dtype)
    np.save(tmp_path / "a.npy", array)
    pairs = read_tensors(tmp_path / "a.npy")
    assert not pairs.clean
    chosen = torch.tensor([3, 3, 11])
    for side, found in enumerate(pairs.images(chosen)):
        np.testing.assert_allclose(found.numpy(), array[chosen.numpy(), side].astype(np.float32) / most, rtol=1e-6)
    source: Source = tensors(tmp_path / "a.npy", held_out=0.25)
    assert source.shape == (channels, 6, 5)
    assert not source.has_clean
    assert not torch.equal(*source.draw(5, generator())[:2])
    known = {tuple(image.flatten().tolist()) for image in pairs.images()[0]}
    trained = {tuple(image.flatten().tolist()) for image in source.draw(200, generator())[0]}
    validated = {tuple(image.flatten().tolist()) for image in source.validation(3, generator())[0]}
    assert (len(trained), len(validated), trained | validated) == (9, 3, known)


def test_what_is_drawn_from_an_npy_may_be_changed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 2, 1, 4, 4), np.float32))
    pairs = read_tensors(tmp_path / "a.npy")
    for image in pairs.images():
        image.fill_(1)
    assert float(pairs.images()[0].max()) == 0


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((4, 3, 8, 8)), r"holds \(4, 3, 8, 8\): an array \(N, 2, C, H, W\)"),
        (np.zeros((4, 3, 3, 8, 8)), r"an array \(N, 2, C, H, W\)"),
        (np.zeros((4, 2, 5, 8, 8)), "two of one shape"),
        (np.zeros((0, 2, 3, 8, 8)), "no .npy file|two of one shape"),
        (np.full((4, 2, 3, 8, 8), 200.0), "so that white is 1"),
        (np.full((4, 2, 3, 8, 8), np.nan), "not finite"),
        (np.zeros((4, 2, 3, 8, 8), np.int64), "int64 numbers"),
        (np.full((1, 2, 1, 1, 1), "a"), "not of numbers"),
        (np.full((1, 2, 1, 1, 1), None), "no .npy file"),
    ],
)
def test_an_npy_of_anything_else_is_named(tmp_path: Path, array: Any, why: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=rf"a\.npy .*({why})"):
        read_tensors(tmp_path / "a.npy")


def test_a_damaged_npy_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 2, 3, 8, 8)))
    whole = (tmp_path / "a.npy").read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 10):
        (tmp_path / "b.npy").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"b\.npy is no \.npy file"):
            read_tensors(tmp_path / "b.npy")


def test_pairs_are_turned_to_all_eight_orientations_together(tmp_path: Path) -> None:
    noisy = images(2)[1:].expand(2, -1, -1, -1)
    path = saved(tmp_path / "a.pkl", (noisy, 255 - noisy))
    one, other, _ = tensors(path, flips=True).draw(300, generator())
    torch.testing.assert_close(one, 1 - other)
    image = noisy[0] / 255
    turned = [image.rot90(turns, (1, 2)) for turns in range(4)]
    expected = {tuple(each.flatten().tolist()) for crop in turned for each in (crop, crop.flip(2))}
    assert {tuple(each.flatten().tolist()) for each in one} == expected
    assert len(expected) == 8
    assert {tuple(each.flatten().tolist()) for each in tensors(path).draw(50, generator())[0]} == {
        tuple(image.flatten().tolist())
    }


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_images_that_are_their_own_targets_are_refused(tmp_path: Path, dtype: type) -> None:
    noisy = images(3).numpy().astype(dtype) / dtype(255 if dtype == np.float32 else 1)
    same, other = noisy.astype(dtype), noisy[::-1].astype(dtype)
    np.savez(tmp_path / "same.npz", noisy=same, target=same)
    np.savez(tmp_path / "clean.npz", noisy=same, clean=same)
    np.save(tmp_path / "other.npy", np.stack([same, other], 1))
    with pytest.raises(InputError, match=r"same\.npz holds the same images twice"):
        tensors(tmp_path / "same.npz")
    assert len(tensors(tmp_path / "clean.npz").training) == 2  # of noise that is 0
    assert len(tensors(tmp_path / "other.npy").training) == 2


def test_images_that_are_not_square_are_not_turned(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pkl", (images(3)[..., :5], images(3, seed=1)[..., :5]))
    assert tensors(path).shape == (3, 8, 5)
    with pytest.raises(InputError, match=r"a\.pkl holds images of 5×8: only square ones"):
        tensors(path, flips=True)
