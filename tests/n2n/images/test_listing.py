from pathlib import Path

import pytest

from n2n.errors import InputError
from n2n.images import list_images


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
