"""Who would know: packages beside this one that bring implementations of torch's functions once they are imported."""

import ast
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["bringer"]

COMPANIONS = ("nn",)


def bringer(function: str) -> str | None:
    """The package that would implement a torch function of this name and is not imported yet.

    It is asked by its source, without being imported: what it implements would be there at the second try, and not at
    the first.
    """
    return next((name for name in COMPANIONS if name not in sys.modules and function in _implemented(name)), None)


@cache
def _implemented(package: str) -> set[str]:
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    files = [file for folder in folders or () for file in Path(folder).rglob("*.py")]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    return {
        ast.unparse(function).rpartition(".")[2]
        for call in calls
        if ast.unparse(call.func).rpartition(".")[2] == "implements"
        for function in call.args
    }
