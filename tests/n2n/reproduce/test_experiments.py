from dataclasses import replace

import pytest

from n2n.reproduce import experiments, needed
from n2n.reproduce.experiments import FIG1, FIG2, FIG3, TABLE1, TABLE2, TABLE3, TRANSPOSED, Reported


def test_the_figures_are_those_that_the_report_prints() -> None:
    """Typed again from the report's tables, cell by cell."""
    assert {row.label: (row.reported.psnr, row.reported.loss) for row in TABLE1.rows} == {
        "Net1": (21.92, 0.0074),
        "Net2": (22.058, 0.0072),
        "Net3": (19.76, 0.012),
        "Net4": (22.24, 0.0069),
    }
    assert {row.cell.batch: row.reported for row in TABLE2.rows} == {
        1: Reported(22.2886, 0.00691, 1743.48),
        10: Reported(22.4816, 0.00669, 1408.66),
        50: Reported(22.5281, 0.00665, 541.32),
        100: Reported(22.5321, 0.00663, 604.10),
        200: Reported(22.5335, 0.00663, 627.09),
        400: Reported(22.5404, 0.00660, 568.40),
    }
    assert {row.cell.betas: row.reported.psnr for row in TABLE3.rows} == {
        (0.8, 0.8): 20.34, (0.8, 0.9): 21.05, (0.8, 0.99): 21.21, (0.8, 0.999): 21.30,
        (0.85, 0.8): 21.39, (0.85, 0.9): 21.51, (0.85, 0.99): 21.55, (0.85, 0.999): 21.58,
        (0.9, 0.8): 21.65, (0.9, 0.9): 21.72, (0.9, 0.99): 21.75, (0.9, 0.999): 21.77,
        (0.99, 0.8): 15.88, (0.99, 0.9): 15.15, (0.99, 0.99): 16.62, (0.99, 0.999): 17.42,
        (0.999, 0.8): 17.61, (0.999, 0.9): 13.53, (0.999, 0.99): 14.39, (0.999, 0.999): 11.32,
    }  # fmt: skip
    assert FIG2.rows[0].reported.psnr == 22.6


def test_the_settings_are_the_report_s() -> None:
    for row in TABLE1.rows:
        assert (row.cell.network, row.cell.batch, row.cell.lr) == (row.label.lower(), 100, 0.001)
    for experiment in (TABLE1, TABLE2, TABLE3, TRANSPOSED):
        assert {row.cell.epochs for row in experiment.rows} == {3}
    assert [row.cell.lr for row in FIG1.rows] == [0.0005, 0.001, 0.005, 0.01, 0.05]
    assert {(row.cell.epochs, row.cell.batch) for row in FIG1.rows} == {(7, 400)}
    assert (FIG2.rows[0].cell.epochs, FIG2.rows[0].cell.batch) == (20, 400)
    assert FIG3.rows[0].cell == FIG2.rows[0].cell


def test_a_training_that_experiments_share_is_needed_once() -> None:
    (longest,) = needed([FIG2, FIG3], [0])
    assert longest.epochs == 20
    shared = needed([TABLE2, TABLE3, FIG1, FIG2], [0])
    assert [cell.epochs for cell in shared if cell == replace(longest, epochs=cell.epochs)] == [20]
    assert len(shared) == 6 + 19 + 4


@pytest.mark.parametrize("seeds", [[0], [3, 4]])
def test_every_row_is_answered_at_every_seed(seeds: list[int]) -> None:
    cells = needed(experiments.values(), seeds)
    assert len({cell.key for cell in cells}) == len(cells)
    for experiment in experiments.values():
        for row in experiment.rows:
            for seed in seeds:
                answers = [cell for cell in cells if cell.key == replace(row.cell, seed=seed).key]
                assert [cell.epochs >= row.cell.epochs for cell in answers] == [True]
