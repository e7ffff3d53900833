"""Which thread works on which microbatch, and with how many of torch's cores."""

import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import tape
from tape.compiling import microbatching

SECONDS = 60  # after which a thread that should have begun counts as one that never will


class Watched:
    """A loss that notes in which thread it ran, for which rows and with how many cores.

    It waits until as many threads are at work as it expects: otherwise one may be done before another has begun.
    """

    def __init__(self, expected: int = 1) -> None:
        self.together = threading.Barrier(expected, timeout=SECONDS)
        self.runs: list[tuple[str, list[float], int]] = []

    def __call__(self, w: Any, x: Tensor) -> Any:
        name = threading.current_thread().name
        begins = name not in self.threads
        self.runs.append((name, x.tolist(), torch.get_num_threads()))
        if begins:
            self.together.wait()
        return (w * x).sum()

    @property
    def threads(self) -> set[str]:
        return {name for name, _, _ in self.runs}


@pytest.fixture
def cores() -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield 4
    torch.set_num_threads(before)


def gradient(loss: Any, threads: int, rows: int = 4, size: int = 1) -> Tensor:
    w, x = torch.tensor(2.0), torch.arange(float(rows))
    found: Tensor = tape.grad(tape.microbatch(loss, size, "sum", threads))(w, x)
    return found


def test_each_thread_has_a_run_of_the_rows_and_the_first_is_this_one() -> None:
    watched, here = Watched(2), threading.current_thread().name
    assert gradient(watched, 2, rows=5) == 10
    shares = {name: [x[0] for other, x, _ in watched.runs if other == name] for name in watched.threads}
    assert shares.pop(here) == [0, 1]
    ((other, rows),) = shares.items()
    assert other.startswith("microbatch")
    assert rows == [2, 3, 4]


def test_threads_stay_for_the_next_call() -> None:
    threads = []
    for _ in range(2):
        watched = Watched(2)
        gradient(watched, 2)
        threads.append(watched.threads)
    assert threads[0] == threads[1]


def test_no_more_threads_than_microbatches() -> None:
    assert gradient(Watched(2), 7, rows=2) == 1


def test_the_threads_share_the_cores(cores: int) -> None:
    for threads, share in ((1, 4), (2, 2), (3, 1), (6, 1)):
        watched = Watched(threads)
        gradient(watched, threads, rows=6)
        assert {count for _, _, count in watched.runs} == {share}
        assert torch.get_num_threads() == cores


def test_threads_are_kept_for_all_jobs_but_the_first(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    kept = microbatching._threads
    monkeypatch.setattr(microbatching, "_threads", lambda *of: (asked.append(of), kept(*of))[1])
    gradient(Watched(3), 3)
    assert set(asked) == {(2, 1)}


def test_an_error_gives_the_cores_back(cores: int) -> None:
    def broken(w: Any, x: Tensor) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gradient(broken, 2)
    assert torch.get_num_threads() == cores
    gradient(Watched(2), 2)


def test_a_thread_sees_the_context_of_the_call() -> None:
    value: ContextVar[float] = ContextVar("value")

    def loss(w: Any, x: Tensor) -> Any:
        return (w * x * value.get()).sum()

    value.set(3.0)
    assert gradient(loss, 2) == 18


def test_an_outer_level_has_all_microbatches_in_this_thread() -> None:
    watched = Watched()
    loss = lambda w, x: watched(w * w, x)
    inner = lambda w: tape.grad(tape.microbatch(loss, 1, "sum", 2))(w, torch.arange(4.0))
    assert tape.grad(inner)(torch.tensor(2.0)) == 12
    assert watched.threads == {threading.current_thread().name}


def test_microbatches_in_a_microbatch_are_worked_on_in_its_thread() -> None:
    watched = Watched(2)
    gradient(tape.microbatch(watched, 1, "sum", 2), 2, rows=8, size=4)
    shares = [{x[0] for other, x, _ in watched.runs if other == name} for name in watched.threads]
    assert sorted(map(sorted, shares)) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_microbatch_without_threads_leaves_them_to_one_in_it() -> None:
    gradient(tape.microbatch(Watched(2), 4, "sum", 2), 1, rows=9, size=8)


class Noting(TorchDispatchMode):
    """Sees the operations of one thread, as what notes a program does."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return operation(*args, **(kwargs or {}))


def test_what_is_noted_runs_in_this_thread() -> None:
    watched = Watched()
    with Noting():
        gradient(lambda w, x: watched(w, torch.zeros(1)) + (w * x).sum(), 2)
    assert watched.threads == {threading.current_thread().name}
