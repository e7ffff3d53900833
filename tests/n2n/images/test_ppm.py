from pathlib import Path

import numpy as np
import pytest
import torch

from n2n.errors import InputError
from n2n.images import read_image
from tests.n2n.images.helpers import noise


def test_sixteen_bit_ppm_and_pgm_keep_every_bit(tmp_path: Path) -> None:
    array = noise(2, 3, 3, most=65535).astype(">u2")
    (tmp_path / "a.ppm").write_bytes(b"P6\n# a comment\n3 2 65535\n" + array.tobytes())
    (tmp_path / "a.pgm").write_bytes(b"P5 3 2 65535\n" + array[..., 0].tobytes())
    for name, expected in (("a.ppm", array), ("a.pgm", array[..., :1])):
        picture = read_image(tmp_path / name)
        assert picture.depth == 16
        np.testing.assert_array_equal(picture.pixels.permute(1, 2, 0).mul(65535).round().numpy(), expected)
    (tmp_path / "b.ppm").write_bytes(b"P6 2 1 1023\n" + np.array([0, 512, 1023, 1, 2, 3], ">u2").tobytes())
    expected = torch.tensor([0, 512, 1023, 1, 2, 3]).view(1, 2, 3).permute(2, 0, 1) / 1023
    torch.testing.assert_close(read_image(tmp_path / "b.ppm").pixels, expected, atol=1e-5, rtol=0)
    (tmp_path / "c.ppm").write_bytes(b"P3 1 1 65535\n1 2 3\n")
    with pytest.raises(InputError, match=r"c\.ppm has 16-bit colour written as text"):
        read_image(tmp_path / "c.ppm")
