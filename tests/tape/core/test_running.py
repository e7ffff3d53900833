"""What runs in a thread: tapes that are being recorded, and what stands in for their values."""

import threading

import pytest
import torch

from tape.core.running import is_stood_in, recording, running, stand_ins, standing_in, stood_in
from tape.core.tape import Tape
from tape.core.traced import Traced, box


def test_tapes_run_from_the_outermost_to_the_innermost_until_they_end() -> None:
    outer, inner = Tape(), Tape()
    with recording(outer):
        with recording(inner):
            assert running() == [outer, inner]
            assert not inner.ended
        assert running() == [outer]
        assert inner.ended
        assert not outer.ended
    assert running() == []
    assert outer.ended


def test_a_tape_whose_function_fails_has_ended() -> None:
    tape = Tape()
    with pytest.raises(ZeroDivisionError), recording(tape):
        raise ZeroDivisionError
    assert tape.ended
    assert running() == []


def test_what_ran_at_a_moment_does_not_change_afterwards() -> None:
    outer, inner = Tape(), Tape()
    with recording(outer):
        before = running()
        with recording(inner):
            assert before == [outer]
    assert before == [outer]


def test_another_thread_runs_nothing() -> None:
    found: list[list[Tape]] = []
    with recording(Tape()):
        thread = threading.Thread(target=lambda: found.append(running()))
        thread.start()
        thread.join()
    assert found == [[]]


def test_nothing_stands_in_for_a_value_outside() -> None:
    x = box(Tape(), torch.ones(()))
    assert stand_ins() == {}
    assert stood_in(x) is x
    assert is_stood_in(x) is False
    assert is_stood_in(torch.ones(())) is False
    assert stood_in(2) == 2


def test_a_stand_in_lasts_as_long_as_its_block_and_its_tape_seems_ended() -> None:
    tape, done = Tape(), Tape()
    done.ended = True
    x, y = box(tape, torch.ones(())), box(done, torch.ones(()))
    made = {tape: lambda x: x.value + 1, done: lambda y: y.value + 2}
    with standing_in(made):
        assert is_stood_in(x)
        assert (stood_in(x), stood_in(y)) == (2, 3)
        assert tape.ended
        assert done.ended
    assert stood_in(x) is x
    assert not tape.ended
    assert done.ended
    with pytest.raises(ZeroDivisionError), standing_in(made):
        raise ZeroDivisionError
    assert stood_in(x) is x
    assert not tape.ended
    assert done.ended


def test_inner_stand_ins_join_the_outer_ones_and_come_before_them() -> None:
    one, two = Tape(), Tape()
    x, y = box(one, torch.ones(())), box(two, torch.ones(()))
    with standing_in({one: lambda x: 1, two: lambda y: 2}):
        with standing_in({one: lambda x: y}):
            assert stood_in(x) == 2  # by way of what stands in for y
            assert stood_in(y) == 2
            assert stand_ins().keys() == {one, two}
        assert stood_in(x) == 1


def test_other_replacements_than_those_of_here_can_be_asked_for() -> None:
    tape = Tape()
    x = box(tape, torch.ones(()))
    with standing_in({tape: lambda x: 1}):
        assert stood_in(x, {}) is x
        assert stood_in(x, {tape: lambda x: 2}) == 2


def test_a_value_that_is_made_of_a_traced_one_may_be_traced_itself() -> None:
    one, two = Tape(), Tape()
    x = box(one, torch.ones(()))
    with standing_in({one: lambda x: box(two, x.value)}):
        made = stood_in(x)
    assert type(made) is Traced
    assert made.tape is two
