from statistics import fmean

import hypothesis.strategies as st
import pytest
from hypothesis import given

from n2n.reproduce.cells import Cell
from n2n.reproduce.experiments import FIG2, TABLE1
from n2n.reproduce.results import Results, spread


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6))
def test_the_spread_is_that_of_the_sample(values: list[float]) -> None:
    found = spread(values)
    mean = fmean(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.deviation is not None
    assert found.deviation**2 == pytest.approx(variance, abs=1e-9)
    assert found.count == len(values)


def test_what_diverged_is_counted_and_not_averaged() -> None:
    assert spread([20.0, None, 22.0]).text(1) == "21.0 ± 1.4 (1 of 3 diverged)"
    assert spread([None]).text(1) == "diverged"
    assert spread([20.0]).text(1) == "20.0"


def record(cell: Cell) -> dict[str, object]:
    measured = {"psnr": 20.0, "overall": 19.0, "loss": 0.01}
    epochs = [
        {"loss": 0.1 / number, "seconds": number, "held_out": measured, "test": None}
        for number in range(1, cell.epochs + 1)
    ]
    return {"cell": {**cell.__dict__, "betas": list(cell.betas)}, "epochs": epochs}


def test_a_longer_training_answers_for_a_shorter_one_after_its_epochs() -> None:
    results = Results({"one": record(Cell(epochs=20))})
    assert results.over_seeds(Cell(epochs=3), lambda epoch: epoch.seconds).mean == 3
    assert results.over_seeds(Cell(epochs=20), lambda epoch: epoch.seconds).mean == 20
    assert results.complete(FIG2)
    assert not results.complete(TABLE1)


def test_a_shorter_training_answers_for_no_longer_one() -> None:
    results = Results({"one": record(Cell(epochs=3))})
    assert results.records(Cell(epochs=20)) == []
    assert not results.complete(FIG2)
