import gc
import random

import pytest

from n2n.bench import timing
from n2n.bench.timing import paired_rounds, ratio


class Counting:
    """A contender that notes its steps, and waits, in a shared log."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log, self.pending = name, log, False

    def step(self) -> None:
        self.log.append(self.name)
        self.pending = True

    def wait(self) -> None:
        self.pending = False


@pytest.fixture
def one_step_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TURN", 0.0)


@pytest.mark.usefixtures("one_step_a_turn")
def test_every_contender_has_one_turn_in_each_round_after_a_warm_up() -> None:
    log: list[str] = []
    contenders = {name: Counting(name, log) for name in "abc"}
    ticks: list[None] = []
    taken = paired_rounds(contenders, 6, random.Random(0), lambda: ticks.append(None))
    assert {name: len(each) for name, each in taken.rounds.items()} == dict.fromkeys("abc", 6)
    assert len(ticks) == 6
    assert log[:9] == list("aaabbbccc")
    turns = [log[9:][i : i + 2] for i in range(0, 36, 2)]
    assert all(first == second for first, second in turns)
    orders = ["".join(turn[0] for turn in turns[i : i + 3]) for i in range(0, 18, 3)]
    assert all(sorted(order) == list("abc") for order in orders)
    assert len(set(orders)) > 1


@pytest.mark.usefixtures("one_step_a_turn")
def test_time_is_taken_when_the_work_is_done() -> None:
    contenders = {"a": Counting("a", [])}
    paired_rounds(contenders, 1, random.Random(0))
    assert not contenders["a"].pending


def test_short_steps_are_repeated_as_often_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TURN", 1e-3)
    log: list[str] = []
    paired_rounds({name: Counting(name, log) for name in "ab"}, 1, random.Random(0))
    assert log.count("a") == log.count("b") > 5


class Clocked:
    """A contender whose steps take given seconds of a clock that stands still between them."""

    def __init__(self, clock: list[float], durations: list[float]) -> None:
        self.clock, self.durations = clock, iter(durations)

    def step(self) -> None:
        self.clock[0] += next(self.durations)

    def wait(self) -> None:
        pass


@pytest.mark.parametrize(
    ("durations", "first"),
    [([8.0, 0.5, 0.5], 8.0), ([8.0, 2.5, 0.5], 10.0), ([8.0, 0.5, 2.5], 8.0)],
    ids=["one", "the second too", "the third is disturbed"],
)
def test_the_first_call_has_what_it_left_to_the_second(
    monkeypatch: pytest.MonkeyPatch, durations: list[float], first: float
) -> None:
    clock = [0.0]
    monkeypatch.setattr("n2n.bench.timing.time.perf_counter", lambda: clock[0])
    taken = paired_rounds({"a": Clocked(clock, [*durations, 0.5, 0.5])}, 1, random.Random(0))
    assert taken.first == {"a": first}
    assert taken.rounds == {"a": [0.5]}


@pytest.mark.usefixtures("one_step_a_turn")
def test_a_limit_leaves_one_round_and_all_ticks() -> None:
    ticks: list[None] = []
    taken = paired_rounds({"a": Counting("a", [])}, 5, random.Random(0), lambda: ticks.append(None), limit=0.0)
    assert len(taken.rounds["a"]) == 1
    assert len(ticks) == 5


@pytest.mark.usefixtures("one_step_a_turn")
def test_the_garbage_collector_is_left_as_it_was() -> None:
    paired_rounds({"a": Counting("a", [])}, 1, random.Random(0))
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_ratios_are_taken_within_a_round() -> None:
    measured = ratio([1.0, 10.0, 3.0], [2.0, 20.0, 3.0])
    assert (measured.median, measured.low, measured.high) == (0.5, 0.5, 0.75)
