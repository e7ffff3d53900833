import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tape import compile
from tape.compiling.planning import ALIGNMENT, Lifetime, Plan, best_fit, first_fit, largest_first, lifetimes, plan

spans = st.tuples(st.integers(0, 12), st.integers(0, 5), st.integers(0, 500))
lives = st.lists(spans, max_size=12).map(
    lambda found: [Lifetime(i, size, opens, opens + length) for i, (opens, length, size) in enumerate(found)]
)


@given(lives)
def test_no_two_that_live_at_once_share_memory(alive: list[Lifetime]) -> None:
    for rule in (plan, first_fit, best_fit, largest_first):
        found = rule(alive)
        for one in alive:
            for other in alive:
                if one.buffer < other.buffer and one.opens <= other.closes and other.opens <= one.closes:
                    first, second = found.places[one.buffer], found.places[other.buffer]
                    assert first + one.bytes <= second or second + other.bytes <= first


@given(lives)
def test_all_lie_within_the_arena_at_aligned_places(alive: list[Lifetime]) -> None:
    found = plan(alive)
    assert found.places.keys() == {life.buffer for life in alive}
    for life in alive:
        assert found.places[life.buffer] % ALIGNMENT == 0
        assert 0 <= found.places[life.buffer] <= found.bytes - life.bytes


@given(lives)
def test_it_is_not_larger_than_a_first_fit_plan_and_not_smaller_than_what_lives_at_once(alive: list[Lifetime]) -> None:
    at_once = [sum(life.bytes for life in alive if life.opens <= time <= life.closes) for time in range(20)]
    assert max(at_once) <= plan(alive).bytes <= first_fit(alive).bytes


def test_memory_of_what_has_closed_is_used_again() -> None:
    chain = [Lifetime(i, 64, i, i + 1) for i in range(10)]
    assert plan(chain).bytes == 128


def test_the_largest_first_packs_what_the_order_of_opening_cannot() -> None:
    alive = [Lifetime(0, 64, 0, 1), Lifetime(1, 64, 1, 5), Lifetime(2, 128, 2, 5)]
    assert (first_fit(alive).bytes, plan(alive).bytes) == (256, 192)


def test_the_plan_does_not_depend_on_the_order_in_which_lifetimes_are_given() -> None:
    alive = [Lifetime(0, 128, 0, 2), Lifetime(1, 64, 1, 1), Lifetime(2, 192, 2, 3), Lifetime(3, 64, 3, 3)]
    for rule in (first_fit, best_fit, largest_first):
        assert rule(alive[::-1]) == rule(alive)


def test_the_best_fit_leaves_the_large_gap_for_what_is_large() -> None:
    alive = [
        Lifetime(0, 128, 0, 0),
        Lifetime(1, 64, 0, 5),
        Lifetime(2, 64, 0, 0),
        Lifetime(3, 64, 0, 5),
        Lifetime(4, 64, 1, 5),
        Lifetime(5, 128, 2, 5),
    ]
    assert best_fit(alive).places == {0: 0, 1: 128, 2: 192, 3: 256, 4: 192, 5: 0}
    assert (best_fit(alive).bytes, first_fit(alive).bytes) == (320, 448)


def test_nothing_needs_no_memory() -> None:
    assert plan([]) == Plan({}, 0)


def test_a_lifetime_is_from_the_operation_that_makes_it_to_the_last_that_needs_it() -> None:
    line = compile(lambda x: (x.sin().cos() @ x.t()).sum(0)).program(torch.ones(3, 4)).line
    first, second, third = [view.buffer for operation in line.operations for view in operation.made]
    assert lifetimes(line, [third, second, first]) == [
        Lifetime(third, 12, 3, 4),
        Lifetime(second, 36, 2, 3),
        Lifetime(first, 48, 0, 2),
    ]


def test_of_very_many_no_two_that_live_at_once_share_memory_either() -> None:
    count = 3000
    alive = [Lifetime(i, 64 * (1 + i % 7), i, i + (17 * i) % 40) for i in range(count)]
    found = plan(alive)
    assert found.bytes <= first_fit(alive).bytes
    for i, life in enumerate(alive):
        for other in alive[max(0, i - 40) : i]:
            if other.closes >= life.opens:
                begin, after = found.places[life.buffer], found.places[other.buffer]
                assert begin + life.bytes <= after or after + other.bytes <= begin


def test_the_largest_first_fills_the_gaps_below_what_lives_later() -> None:
    alive = [Lifetime(0, 192, 0, 1), Lifetime(1, 192, 1, 2), Lifetime(2, 192, 2, 3), Lifetime(3, 128, 2, 3)]
    assert largest_first(alive).places == {0: 0, 1: 192, 2: 0, 3: 384}


def test_each_rule_begins_at_0() -> None:
    for rule in (first_fit, best_fit, largest_first):
        assert rule([]) == Plan({}, 0)
        assert rule([Lifetime(0, 64, 0, 1), Lifetime(1, 64, 0, 1)]) == Plan({0: 0, 1: 64}, 128)


@pytest.mark.parametrize("closes", [(0, 1), (1, 0)])
def test_places_side_by_side_that_are_given_back_become_one_gap(closes: tuple[int, int]) -> None:
    first, second = closes
    alive = [Lifetime(0, 64, 0, first), Lifetime(1, 64, 0, second), Lifetime(2, 64, 0, 9), Lifetime(3, 128, 2, 3)]
    for rule in (first_fit, best_fit):
        assert rule(alive) == Plan({0: 0, 1: 64, 2: 128, 3: 0}, 192)


def test_a_place_joins_the_gap_before_it_wherever_that_is() -> None:
    closes = (0, 9, 0, 1, 9)
    alive = [*(Lifetime(i, 64, 0, time) for i, time in enumerate(closes)), Lifetime(5, 128, 2, 3)]
    for rule in (first_fit, best_fit):
        assert rule(alive).places[5] == 128
