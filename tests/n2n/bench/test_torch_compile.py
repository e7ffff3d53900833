import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from n2n.bench.peers.torch_compile import CACHE, afresh, hindrance


def test_a_compiler_that_is_not_there_hinders_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "no C++ compiler no-such-compiler" in hindrance()


def test_a_compiler_is_tried_and_its_failure_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile(function: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*args: Any) -> NoReturn:
            raise RuntimeError("no Python.h\nand a page of other lines")

        return failing

    monkeypatch.setenv("CXX", sys.executable)
    monkeypatch.setattr(torch, "compile", compile)
    assert hindrance().endswith("fails (no Python.h)")
    monkeypatch.setattr(torch, "compile", lambda function: function)
    assert hindrance() == ""


@pytest.mark.parametrize("before", [None, "here"])
def test_compilations_begin_in_an_empty_folder_that_goes(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, "")
    if before is None:
        monkeypatch.delenv(CACHE)
    else:
        monkeypatch.setenv(CACHE, before)
    with afresh():
        folder = Path(os.environ[CACHE])
        assert not any(folder.iterdir())
    assert not folder.exists()
    assert os.environ.get(CACHE) == before
