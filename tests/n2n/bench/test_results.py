import pytest

from n2n.bench.results import compared, exponent
from n2n.bench.rows import FASTER_EAGER, Goal

SECONDS = {
    "tape": [1.0, 2.0, 1.0],
    "torch": [2.0, 4.0, 2.0],
    "torch channels-last": [1.0, 2.5, 1.25],
}


def test_the_faster_eager_is_the_one_with_the_lower_median() -> None:
    row = compared("net4", "net4", "step", SECONDS, [Goal(FASTER_EAGER, 0.6), Goal("JAX jit", 0.2)])
    (goal,) = row.goals
    assert goal.against == "torch channels-last"
    assert goal.ratio == pytest.approx(0.8)
    assert not goal.met
    assert row.ratios["torch"].median == 0.5
    assert row.memory_goal is None


def test_memory_is_compared_with_the_leaner_eager() -> None:
    peaks = {"tape": 60, "torch": 100, "torch channels-last": 50}
    row = compared("net4", "net4", "step", SECONDS, [Goal(FASTER_EAGER, 0.8)], peaks)
    assert row.goals[0].met
    assert row.memory_goal is not None
    assert (row.memory_goal.against, row.memory_goal.ratio, row.memory_goal.met) == ("torch channels-last", 1.2, False)


def test_the_exponent_of_a_power_is_found() -> None:
    sizes = [50, 100, 800, 6400]
    assert exponent(sizes, [3 * size**0.75 for size in sizes]) == pytest.approx(0.75)
    assert exponent(sizes, [7, 7, 7, 7]) == pytest.approx(0.0)
