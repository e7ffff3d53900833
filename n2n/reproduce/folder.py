"""The folder of a reproduction: what its data are, a file for each finished cell, and the report."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n2n.errors import InputError
from n2n.images.files import write_whole

__all__ = ["Folder"]


@dataclass(frozen=True)
class Folder:
    """`config.json` describes the data, `cells/` has a JSON file for each finished cell, `data/` what they read."""

    path: Path

    @classmethod
    def open(cls, path: Path, parts: dict[str, dict[str, Any]], force: bool = False) -> "Folder":
        """Makes the folder, or goes on with one that holds results on the same data; with `force`, begins it anew.

        `parts` describes the data of each kind of experiment. Raises InputError where something else stands at the
        path, or its results are on other data.
        """
        folder = cls(path)
        is_reproduction = folder.config.is_file() and (path / "cells").is_dir()
        if path.exists() and not is_reproduction and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} exists and is not the folder of a reproduction: give another --out")
        if force and path.exists():
            shutil.rmtree(path)
        found = folder.described() if folder.config.is_file() else {}
        for name, part in parts.items():
            different = _difference(found.get(name, part), part)
            if different:
                raise InputError(
                    f"{path} holds results with {different}: give another --out, or begin it anew with --force"
                )
        try:
            (path / "cells").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{path} cannot be made: {error.strerror}; give another --out") from None
        if found | parts != found:
            write_whole(folder.config, json.dumps(found | parts, indent=2).encode())
        return folder

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    def described(self) -> dict[str, Any]:
        """The description of the data, by the kind of experiment."""
        try:
            content: dict[str, Any] = json.loads(self.config.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{self.config} cannot be read ({error})") from None
        return content

    def keep(self, key: str, record: dict[str, Any]) -> None:
        """Writes the record of a finished cell, whole."""
        write_whole(self.path / "cells" / f"{key}.json", json.dumps(record, indent=1, allow_nan=False).encode())

    def records(self) -> dict[str, dict[str, Any]]:
        """The record of each finished cell, by its key."""
        try:
            return {file.stem: json.loads(file.read_text()) for file in sorted((self.path / "cells").glob("*.json"))}
        except (OSError, ValueError) as error:
            raise InputError(f"a cell in {self.path / 'cells'} cannot be read ({error}): remove its file") from None


def _difference(found: Any, wanted: Any, name: str = "data") -> str:
    """The first thing in which two descriptions differ, in words; empty if there is none."""
    if isinstance(found, dict) and isinstance(wanted, dict) and found.keys() == wanted.keys():
        return next(filter(None, (_difference(found[key], wanted[key], key) for key in found)), "")
    if found == wanted:
        return ""
    return f"{name} {_brief(found)}, not {_brief(wanted)}"


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("name", value.get("kind", "different")))
    return "none" if value is None else str(value)
