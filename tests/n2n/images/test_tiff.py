from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from n2n.images import read_image, write_image
from n2n.images.png import encode_png
from tests.n2n.images.helpers import noise


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}, {"planarconfig": "separate"}])
def test_sixteen_bit_colour_tiff_keeps_every_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    array = noise(5, 4, 3, most=65535).astype(np.uint16)
    stored = np.moveaxis(array, -1, 0) if "planarconfig" in options else array
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    picture = read_image(tmp_path / "a.tif")
    assert picture.depth == 16
    np.testing.assert_array_equal(picture.pixels.permute(1, 2, 0).mul(65535).round().numpy(), array)


@pytest.mark.parametrize("compression", ["lzw", "packbits", "zstd", "lzma", "deflate"])
def test_a_packed_sixteen_bit_tiff_keeps_every_bit(tmp_path: Path, compression: str) -> None:
    array = noise(5, 4, 3, most=65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", compression=compression)
    pixels = read_image(tmp_path / "a.tif").pixels
    np.testing.assert_array_equal(pixels.permute(1, 2, 0).mul(65535).round().numpy(), array)


def test_colours_that_a_tiff_stores_times_alpha_are_divided_again(tmp_path: Path) -> None:
    array = np.array([[[100, 200, 300, 32768]]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["assocalpha"])
    pixels = read_image(tmp_path / "a.tif").pixels.mul(65535)
    torch.testing.assert_close(pixels.flatten(), torch.tensor([200.0, 400.0, 600.0]), atol=0.51, rtol=0)


def test_a_tiff_whose_zero_is_white_is_turned_round(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 65535]], np.uint16), photometric="miniswhite")
    assert read_image(tmp_path / "a.tif").pixels.tolist() == [[[1.0, 0.0]]]


@pytest.mark.parametrize("shape", [(4, 6, 1), (4, 6, 3), (4, 6, 4)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_deep_tiff_keeps_what_its_exif_says_in_words(
    tmp_path: Path, shape: tuple[int, ...], orientation: int
) -> None:
    exif = Image.Exif()
    for tag, words in ((270, "A picture"), (271, "Maker"), (305, "Editor 2"), (306, "2020:01:02 03:04:05")):
        exif[tag] = words
    exif[274] = orientation
    array = noise(*shape, most=65535).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(encode_png(array, exif.tobytes(), b"a profile", (300, 300)))
    picture = read_image(tmp_path / "a.png")
    write_image(tmp_path / "b.tif", picture)
    again = read_image(tmp_path / "b.tif")
    kept = Image.Exif()
    kept.load(again.exif)
    assert {tag: kept[tag] for tag in (270, 271, 305, 306)} == {tag: exif[tag] for tag in (270, 271, 305, 306)}
    assert again.icc == b"a profile"
    assert again.dpi == pytest.approx((300, 300), abs=0.1)
    assert torch.equal(again.pixels, picture.pixels)
    assert again.depth == 16
