from pathlib import Path
from typing import Any

import pytest

from n2n.errors import InputError
from n2n.reproduce.folder import Folder

ONE: dict[str, dict[str, Any]] = {"course": {"scale": 1.0, "seed": 0, "source": {"kind": "procedural"}}}


def test_a_folder_is_gone_on_with_on_the_same_data(tmp_path: Path) -> None:
    Folder.open(tmp_path / "out", ONE).keep("a", {"epochs": []})
    assert Folder.open(tmp_path / "out", ONE).records() == {"a": {"epochs": []}}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"scale": 0.5}, "scale 1.0, not 0.5"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"source": {"kind": "photos", "photos": {"name": "a"}}}, "source procedural, not photos"),
    ],
)
def test_results_on_different_data_are_not_mixed(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    Folder.open(tmp_path / "out", ONE).keep("a", {})
    with pytest.raises(InputError, match=f"{said}: give another --out, or begin it anew with --force"):
        Folder.open(tmp_path / "out", {"course": ONE["course"] | other})
    assert Folder.open(tmp_path / "out", {"course": ONE["course"] | other}, force=True).records() == {}


def test_experiments_of_another_kind_join_a_folder(tmp_path: Path) -> None:
    Folder.open(tmp_path / "out", ONE)
    assert Folder.open(tmp_path / "out", {"paper": {"crop": 64}}).described() == ONE | {"paper": {"crop": 64}}


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_reproduction_is_left_alone(tmp_path: Path, force: bool) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    for path in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(InputError, match="is not the folder of a reproduction"):
            Folder.open(path, ONE, force)
    assert (tmp_path / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_something_else_with_a_configuration_is_left_alone(tmp_path: Path, force: bool) -> None:
    (tmp_path / "config.json").write_text('{"network": "net4"}')
    with pytest.raises(InputError, match="is not the folder of a reproduction"):
        Folder.open(tmp_path, ONE, force)
    assert (tmp_path / "config.json").read_text() == '{"network": "net4"}'


def test_a_damaged_cell_is_named(tmp_path: Path) -> None:
    folder = Folder.open(tmp_path / "out", ONE)
    (folder.path / "cells" / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a cell in .* cannot be read"):
        folder.records()
