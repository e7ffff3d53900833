import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from n2n.evaluation.examples import examples
from n2n.evaluation.extremes import best_median_worst, extremes
from n2n.evaluation.measuring import Measurement, measure
from n2n.evaluation.sets import EvaluationSet


@given(st.lists(st.floats(-0.1, 1), min_size=1, max_size=20))
def test_the_best_the_median_and_the_worst_are_chosen_by_psnr(errors: list[float]) -> None:
    other = [Measurement("other", "blur", 1 - error, None) for error in errors]
    ours = [Measurement(str(number), "ours", error, None) for number, error in enumerate(errors)]
    chosen = best_median_worst([each for pair in zip(other, ours, strict=True) for each in pair], "ours")
    assert errors[chosen["best"]] == min(errors)
    assert errors[chosen["worst"]] == max(errors)
    assert sum(error < errors[chosen["median"]] for error in errors) <= len(errors) / 2
    assert sum(error > errors[chosen["median"]] for error in errors) <= len(errors) / 2


@pytest.mark.parametrize("clean", [True, False])
def test_the_extremes_stand_beside_the_best_of_the_other_denoisers(clean: bool) -> None:
    levels = torch.tensor([0.3, 0.1, 0.2]).view(3, 1, 1, 1)  # by which ours is off
    second = torch.full((3, 1, 16, 16), 0.5)
    evaluated = EvaluationSet(examples(second + levels, second), "pictures", [], None, clean)
    denoisers = {"poor": lambda x: x + 0.3, "good": lambda x: x * 0 + 0.68, "ours": lambda x: x}
    measurements = [each for example in evaluated.examples for each in measure(denoisers, example, clean)]
    rows = extremes(denoisers, evaluated, measurements, "ours")
    assert [row.title for row in rows] == ["best: image 1", "median: image 2", "worst: image 0"]
    last = "clean" if clean else "other capture"
    for row, level in zip(rows, (0.1, 0.2, 0.3), strict=True):
        assert list(row.versions) == ["noisy", "good", "ours", last]
        assert float(row.versions["ours"].mean()) == pytest.approx(0.5 + level)
        assert torch.equal(row.versions[last], second[0])
        assert list(row.captions) == ["noisy", "good", "ours"]
    assert rows[0].captions["ours"].startswith("20.00 dB, SSIM" if clean else "about 23.01 dB")
