from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from n2n.errors import InputError
from n2n.images import Picture, read_image, write_image
from tests.n2n.images.helpers import noise


def test_pixels_are_float32_in_the_unit_interval(tmp_path: Path) -> None:
    array = noise(5, 7, 3).astype(np.uint8)
    Image.fromarray(array).save(tmp_path / "a.png")
    picture = read_image(tmp_path / "a.png")
    assert picture.pixels.dtype == torch.float32
    assert picture.pixels.is_contiguous()
    np.testing.assert_array_equal(picture.pixels.permute(1, 2, 0).mul(255).round().numpy(), array)


@pytest.mark.parametrize(
    ("mode", "shape", "alpha"),
    [
        ("1", (1, 4, 6), False),
        ("L", (1, 4, 6), False),
        ("LA", (1, 4, 6), True),
        ("P", (3, 4, 6), False),
        ("RGB", (3, 4, 6), False),
        ("RGBA", (3, 4, 6), True),
        ("CMYK", (3, 4, 6), False),
        ("YCbCr", (3, 4, 6), False),
        ("I;16", (1, 4, 6), False),
    ],
)
def test_every_mode_becomes_grey_or_colour(tmp_path: Path, mode: str, shape: tuple[int, ...], alpha: bool) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    deep = Image.fromarray(noise(4, 6, most=65535).astype(np.uint16))
    source = deep if mode == "I;16" else Image.fromarray(noise(4, 6, 3).astype(np.uint8)).convert(mode)
    source.save(path)
    picture = read_image(path)
    assert picture.pixels.shape == shape
    assert (picture.alpha is not None) == alpha
    if mode == "CMYK":
        np.testing.assert_array_equal(
            picture.pixels.permute(1, 2, 0).mul(255).round().numpy(), np.asarray(source.convert("RGB"))
        )


def test_a_palette_with_transparency_keeps_its_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.save(tmp_path / "a.png", transparency=bytes([0, 128]))
    alpha = read_image(tmp_path / "a.png").alpha
    assert alpha is not None
    assert alpha.mul(255).tolist() == [[0, 128]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_rotation_is_applied_and_taken_out(tmp_path: Path, orientation: int) -> None:
    image = Image.fromarray(noise(4, 6, 3).astype(np.uint8))
    exif = Image.Exif()
    exif[274] = orientation
    exif[271] = "Maker"
    for name in ("a.png", "a.tif"):
        image.save(tmp_path / name, exif=exif)
        picture = read_image(tmp_path / name)
        with Image.open(tmp_path / name) as reopened:
            upright = np.asarray(ImageOps.exif_transpose(reopened))
        np.testing.assert_array_equal(picture.pixels.permute(1, 2, 0).mul(255).round().numpy(), upright)
        kept = Image.Exif()
        kept.load(picture.exif)
        assert kept.get(274, 1) == 1
        assert kept[271] == "Maker"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm"])
def test_a_cut_off_deep_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, Picture(torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0)), depth=16))
    whole = path.read_bytes()
    for length in (0, 5, len(whole) // 10, len(whole) // 2, len(whole) * 4 // 5):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=str(path)):
            read_image(path)


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    Image.fromarray(noise(3, 3).astype(np.float32)).save(tmp_path / "float.tif")
    Image.fromarray((noise(3, 3) * 1000).astype(np.int32)).save(tmp_path / "long.tif")
    frames = [Image.new("L", (3, 3), shade) for shade in (0, 9)]
    frames[0].save(tmp_path / "stack.tif", save_all=True, append_images=frames[1:])
    for name, why in (
        ("float", "float32 numbers"),
        ("long", "int32 numbers"),
        ("stack", "several pictures"),
    ):
        with pytest.raises(InputError, match=why):
            read_image(tmp_path / f"{name}.tif")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp", ".webp", ".ppm"])
def test_a_cut_off_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, Picture(torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0))))
    whole = path.read_bytes()
    for length in (0, 5, len(whole) // 10, len(whole) // 2, len(whole) * 4 // 5):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=str(path)):
            read_image(path)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(InputError, match=r"a\.png is not a picture"):
        read_image(tmp_path / "a.png")
    with pytest.raises(InputError, match="no such file"):
        read_image(tmp_path / "b.png")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


def test_large_photographs_are_read_without_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (40, 40)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # as 100 megapixels stand to Pillow's real limit
    assert read_image(tmp_path / "a.png").pixels.shape == (1, 40, 40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with pytest.raises(InputError, match="million pixels"):
        read_image(tmp_path / "a.png")
