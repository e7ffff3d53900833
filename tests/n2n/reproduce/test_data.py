from pathlib import Path

import pytest
import torch
from torch import Tensor

from n2n.reproduce.data import CHUNK, Data, Images, read_images, read_mapped, write_images, write_mapped
from tests.n2n.samples import generator


@pytest.mark.parametrize("count", [1, CHUNK, CHUNK + 3])
def test_what_is_written_in_chunks_is_read_whole(tmp_path: Path, count: int) -> None:
    values = torch.rand(count, 2, 3, generator=generator())
    chunks = iter(values.split(CHUNK))
    told: list[int] = []
    write_mapped(tmp_path / "a.npy", lambda _: next(chunks), count, torch.float32, told.append)
    assert torch.equal(read_mapped(tmp_path / "a.npy"), values)
    assert sum(told) == count


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def fail(count: int) -> Tensor:
        raise OSError(28, "No space left on device")

    with pytest.raises(ValueError, match="No space left"):
        write_mapped(tmp_path / "a.npy", fail, 3, torch.uint8, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_noise_beyond_black_and_white_is_kept(tmp_path: Path) -> None:
    images = Images(torch.full((2, 3, 4, 4), -0.25), torch.full((2, 3, 4, 4), 1.5))
    write_images(tmp_path / "a.npy", images, torch.float32)
    read = read_images(tmp_path / "a.npy")
    assert torch.equal(read.noisy, images.noisy)
    assert torch.equal(read.clean, images.clean)


def test_pairs_are_drawn_by_their_numbers(data: Path) -> None:
    opened = Data.open(data)
    noisy, target = opened.drawn(torch.tensor([5, 2]))
    assert torch.equal(noisy, opened.pairs[[5, 2], 0].float() / 255)
    assert torch.equal(target, opened.pairs[[5, 2], 1].float() / 255)
    assert opened.test is None
