from pathlib import Path

import pytest

from n2n.errors import InputError
from n2n.images.files import make_folder, whole_folder, write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"could not be written: No such file or directory$"):
        write_whole(tmp_path / "none" / "x", b"")


def test_a_folder_appears_when_it_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run"
    with whole_folder(path) as folder:
        (folder / "x").write_text("new")
        assert not path.exists()
    assert (path / "x").read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_could_not_be_filled_leaves_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / "x").write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_folder(path):
        raise KeyboardInterrupt
    assert (path / "x").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_kills_have_left_beside_a_folder_is_cleared(tmp_path: Path) -> None:
    for left in (".run.partial", ".run.replaced"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "y").write_text("old")
    with whole_folder(tmp_path / "run"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]


def test_an_interrupted_write_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "x", b"one")
    assert not list(tmp_path.iterdir())


def test_a_file_where_a_folder_is_needed_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be written: Not a directory"):
        write_whole(tmp_path / "file" / "x", b"")


def test_a_folder_that_may_not_be_written_to_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path / "deep" / "out")
    make_folder(tmp_path / "deep" / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made: Not a directory; give another --out"):
        make_folder(tmp_path / "file" / "out")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(InputError, match="deep may not be written to: give another --out"):
        make_folder(tmp_path / "deep")
