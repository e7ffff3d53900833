from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from n2n.reproduce.cells import Cell
from n2n.reproduce.running import run_jobs
from tests.n2n.reproduce.test_cells import figures


@dataclass(frozen=True)
class Broken:
    """A job that fails on its way."""

    key = "broken"
    cost = 1.0

    def size(self, folder: Path) -> int:
        return 2

    def answered_by(self, record: dict[str, Any]) -> bool:
        return True

    def run(self, folder: Path, device: torch.device) -> Generator[int, None, dict[str, Any]]:
        yield 1
        raise ValueError("the job is broken")


def test_several_processes_give_the_same_bits_as_one(data: Path) -> None:
    cells = [Cell(batch=10, epochs=1, seed=seed) for seed in range(2)]
    here, beside = (
        {news.key: figures(news.record) for news in run_jobs(cells, data, processes) if news.record is not None}
        for processes in (1, 2)
    )
    assert here == beside
    assert here.keys() == {cell.key for cell in cells}


@pytest.mark.parametrize("processes", [1, 2])
def test_the_error_of_a_job_comes_back(data: Path, processes: int) -> None:
    with pytest.raises(ValueError, match="the job is broken"):
        list(run_jobs([Broken(), Broken()], data, processes))


def test_there_may_be_nothing_to_do(data: Path) -> None:
    assert list(run_jobs([], data, 2)) == []
