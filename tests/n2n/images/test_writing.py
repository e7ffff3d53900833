import io
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from n2n.errors import InputError
from n2n.images import Picture, read_image, write_image
from tests.n2n.images.helpers import noise


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


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' tiff:Orientation="{}" xmp:Rating="5" xmp:Label="grün"/></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_notes_that_programs_made_survive_upright(tmp_path: Path, suffix: str, depth: int) -> None:
    if depth == 16 and suffix in (".jpg", ".webp"):
        suffix = ".png"
    exif = Image.Exif()
    exif[271], exif[274] = "Maker", 6
    source, target = tmp_path / "a.jpg", tmp_path / f"b{suffix}"
    Image.fromarray(noise(8, 9, 3).astype(np.uint8)).save(source, exif=exif.tobytes(), xmp=XMP.format(6).encode())
    write_image(target, replace(read_image(source), depth=depth))
    with Image.open(target) as again:
        assert again.size == (8, 9)
        assert again.info["xmp"] == XMP.format(1).encode()
        assert again.getexif()[271] == "Maker"
    assert read_image(target).xmp == XMP.format(1).encode()


def test_notes_too_long_for_a_format_are_not_dropped(tmp_path: Path) -> None:
    picture = Picture(torch.zeros(3, 2, 2), xmp=b"x" * 70_000)
    with pytest.raises(InputError, match=r"a\.jpg cannot be written as JPEG \(.*\): choose \.png"):
        write_image(tmp_path / "a.jpg", picture)
    write_image(tmp_path / "a.png", picture)
    assert read_image(tmp_path / "a.png").xmp == picture.xmp


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    colour, grey = torch.zeros(3, 2, 2), torch.zeros(1, 2, 2)
    for name, picture in (
        ("a.jpg", Picture(colour, alpha=grey[0])),
        ("a.bmp", Picture(colour, alpha=grey[0])),
        ("a.bmp", Picture(grey, alpha=grey[0])),
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
