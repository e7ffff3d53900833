import pytest

from n2n.bench.results import Start, compared, exponent, weighed
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
    row = weighed(compared("net4", "net4", "step", SECONDS, [Goal(FASTER_EAGER, 0.8)]), peaks, 0.7)
    assert row.goals[0].met
    assert row.peaks == peaks
    goal = row.memory_goal
    assert goal is not None
    assert (goal.against, goal.ratio, goal.at_most, goal.met) == ("torch channels-last", 1.2, 0.7, False)


def test_another_contender_of_ours_is_compared_in_its_own_row() -> None:
    seconds = {"tape compiled": [1.0, 2.0, 1.0], "torch": SECONDS["torch"]}
    row = compared("chain", "chain", "operation", seconds, [Goal("torch", 0.4)], "tape compiled")
    assert row.ratios.keys() == {"torch"}
    assert (row.goals[0].ratio, row.goals[0].met) == (0.5, False)


@pytest.mark.parametrize(("at_most", "met"), [(0.5, True), (0.2, False), (None, True)])
def test_a_first_call_is_held_against_its_own_goal(at_most: float | None, met: bool) -> None:
    assert Start("net4", "net4", {"tape": 0.3, "torch.compile": 0.1}, at_most).met is met


def test_the_exponent_of_a_power_is_found() -> None:
    sizes = [50, 100, 800, 6400]
    assert exponent(sizes, [3 * size**0.75 for size in sizes]) == pytest.approx(0.75)
    assert exponent(sizes, [7, 7, 7, 7]) == pytest.approx(0.0)
