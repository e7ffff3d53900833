import io
import struct
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from n2n.errors import InputError
from n2n.images import Picture, list_images, read_image, write_image
from n2n.png import encode_png

Array = np.ndarray[Any, Any]


def noise(*shape: int, most: int = 255) -> Array:
    return np.random.default_rng(sum(shape)).integers(0, most + 1, shape)


def png16(array: Array, colour_type: int) -> bytes:
    """A PNG of 16 bits per channel, which Pillow does not write in colour."""
    height, width = array.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@st.composite
def pictures(draw: st.DrawFn) -> tuple[str, Picture]:
    suffix, colours, alpha, depth = draw(
        st.sampled_from(
            [(s, c, a, 8) for s in (".png", ".tif", ".webp") for c in (1, 3) for a in (False, True)]
            + [(s, c, False, 8) for s in (".bmp", ".tiff") for c in (1, 3)]
            + [(".pgm", 1, False, 8), (".ppm", 3, False, 8), (".pgm", 1, False, 16), (".ppm", 3, False, 16)]
            + [(".png", c, a, 16) for c in (1, 3) for a in (False, True)]
            + [(".tif", c, a, 16) for c, a in ((1, False), (3, False), (3, True))]
        )
    )
    if suffix == ".webp":
        colours = 3  # WebP knows no grey
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    planes = torch.randint(0, 2**depth, (colours + alpha, height, width), generator=generator) / (2**depth - 1)
    return suffix, Picture(planes[:colours], planes[colours] if alpha else None, depth)


@given(pictures())
def test_what_was_written_is_read_again(case: tuple[str, Picture]) -> None:
    suffix, picture = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        write_image(path, picture)
        again = read_image(path)
        assert [entry.name for entry in Path(folder).iterdir()] == [path.name]
    assert torch.equal(again.pixels, picture.pixels)
    assert again.depth == picture.depth
    if picture.alpha is None:
        assert again.alpha is None
    elif again.alpha is None:  # WebP drops an alpha that is 1 throughout
        assert suffix == ".webp"
        assert bool((picture.alpha == 1).all())
    else:
        assert torch.equal(again.alpha, picture.alpha)


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


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_metadata_survives_the_way_through(tmp_path: Path, suffix: str, depth: int) -> None:
    exif = Image.Exif()
    exif[271] = "Maker"
    exif.get_ifd(34665)[33434] = 0.01  # the exposure time
    source, target = tmp_path / f"a{suffix}", tmp_path / (f"b{suffix}" if depth == 8 else "b.png")
    image = Image.fromarray(noise(8, 8, 3).astype(np.uint8))
    image.save(source, exif=exif.tobytes(), icc_profile=b"a profile", dpi=(300, 300))
    write_image(target, replace(read_image(source), depth=depth))
    with Image.open(target) as again:
        assert again.getexif()[271] == "Maker"
        assert float(again.getexif().get_ifd(34665)[33434]) == 0.01
        assert again.info["icc_profile"] == b"a profile"
        assert again.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    written = read_image(target)
    assert written.depth == depth
    assert (written.exif, written.icc) == (read_image(source).exif, b"a profile")


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


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "predictor": True}, {"planarconfig": "separate"}])
def test_sixteen_bit_colour_tiff_keeps_every_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    array = noise(5, 4, 3, most=65535).astype(np.uint16)
    stored = np.moveaxis(array, -1, 0) if "planarconfig" in options else array
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    picture = read_image(tmp_path / "a.tif")
    assert picture.depth == 16
    np.testing.assert_array_equal(picture.pixels.permute(1, 2, 0).mul(65535).round().numpy(), array)


def test_colours_that_a_tiff_stores_times_alpha_are_divided_again(tmp_path: Path) -> None:
    array = np.array([[[100, 200, 300, 32768]]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["assocalpha"])
    pixels = read_image(tmp_path / "a.tif").pixels.mul(65535)
    torch.testing.assert_close(pixels.flatten(), torch.tensor([200.0, 400.0, 600.0]), atol=0.51, rtol=0)


def test_a_tiff_whose_zero_is_white_is_turned_round(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 65535]], np.uint16), photometric="miniswhite")
    assert read_image(tmp_path / "a.tif").pixels.tolist() == [[[1.0, 0.0]]]


@pytest.mark.parametrize("compression", ["lzw", "packbits", "zstd", "lzma", "deflate"])
def test_a_packed_sixteen_bit_tiff_keeps_every_bit(tmp_path: Path, compression: str) -> None:
    array = noise(5, 4, 3, most=65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", compression=compression)
    pixels = read_image(tmp_path / "a.tif").pixels
    np.testing.assert_array_equal(pixels.permute(1, 2, 0).mul(65535).round().numpy(), array)


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_sixteen_bit_png_keeps_every_bit(tmp_path: Path, channels: int, colour_type: int) -> None:
    array = noise(5, 3, channels, most=65535).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(png16(array, colour_type))
    picture = read_image(tmp_path / "a.png")
    assert picture.depth == 16
    assert (picture.alpha is not None) == (channels in (2, 4))
    planes = picture.pixels if picture.alpha is None else torch.cat([picture.pixels, picture.alpha[None]])
    np.testing.assert_array_equal(planes.permute(1, 2, 0).mul(65535).round().numpy(), array)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".ppm"])
def test_a_cut_off_deep_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, Picture(torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0)), depth=16))
    whole = path.read_bytes()
    for length in (0, 5, len(whole) // 10, len(whole) // 2, len(whole) * 4 // 5):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=str(path)):
            read_image(path)


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


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, Picture(torch.zeros(1, 2, 2)))
    before = path.read_bytes()

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_, **__: Full())
        with pytest.raises(InputError, match=r"a\.png could not be written: No space left"):
            write_image(path, Picture(torch.ones(1, 2, 2)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    colour, grey = torch.zeros(3, 2, 2), torch.zeros(1, 2, 2)
    for name, picture in (
        ("a.jpg", Picture(colour, alpha=grey[0])),
        ("a.jpg", Picture(grey, depth=16)),
        ("a.webp", Picture(colour, depth=16)),
        ("a.bmp", Picture(grey, depth=16)),
        ("a.ppm", Picture(colour, alpha=grey[0], depth=16)),
        ("a.tif", Picture(grey, alpha=grey[0], depth=16)),
        ("a.xyz", Picture(colour)),
    ):
        with pytest.raises(InputError, match=name):
            write_image(tmp_path / name, picture)
    with pytest.raises(ValueError, match="not finite"):
        write_image(tmp_path / "a.png", Picture(grey / 0))
    assert not list(tmp_path.iterdir())


def test_a_picture_has_the_shape_that_it_promises() -> None:
    with pytest.raises(ValueError, match=r"\(1 or 3, H, W\)"):
        Picture(torch.zeros(2, 4, 4))
    with pytest.raises(ValueError, match="alpha"):
        Picture(torch.zeros(3, 4, 4), alpha=torch.zeros(4, 5))
    with pytest.raises(ValueError, match="8 or 16"):
        Picture(torch.zeros(3, 4, 4), depth=12)


def test_pictures_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b.JPEG", "a.png", "c.tif", "notes.txt", "._a.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["a.png", "b.JPEG", "c.tif"]


def test_a_folder_without_pictures_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="has no pictures"):
        list_images(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        list_images(tmp_path / "none")
    with pytest.raises(InputError, match="where a folder"):
        list_images(tmp_path / "notes.txt")
