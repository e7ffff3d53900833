from pathlib import Path

import pytest

from n2n.errors import InputError
from n2n.reproduce.cells import Cell
from n2n.reproduce.running import run_jobs
from tests.n2n.reproduce.test_cells import figures


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
    with pytest.raises(InputError, match="unknown network 'net5'"):
        list(run_jobs([Cell(network="net5"), Cell(network="net5", seed=1)], data, processes))


def test_there_may_be_nothing_to_do(data: Path) -> None:
    assert list(run_jobs([], data, 2)) == []
