"""Runs jobs one after another here, or several at once in processes of one thread each."""

import multiprocessing
import queue
import signal
import time
import traceback
from collections.abc import Generator as Yields
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from n2n.errors import InputError

__all__ = ["Job", "News", "run_jobs"]

CPU = torch.device("cpu")


class Job(Protocol):
    """Something that takes long, is done alone, and has a record as plain data."""

    @property
    def key(self) -> str:
        """Its name, unique by all that decides its record."""

    @property
    def cost(self) -> float:
        """About how long a pair takes, in a unit that all jobs have."""

    def size(self, folder: Path) -> int:
        """How many pairs it takes."""

    def answered_by(self, record: dict[str, Any]) -> bool:
        """Whether a record under its key is what it would return."""

    def run(self, folder: Path, device: torch.device) -> Yields[int, None, dict[str, Any]]:
        """Yields how many pairs each step takes; returns the record."""


class News(NamedTuple):
    """Pairs that a job has been through since the last news of it, and at its end its record."""

    key: str
    pairs: int
    record: dict[str, Any] | None = None


def run_jobs(jobs: Sequence[Job], folder: Path, processes: int, device: torch.device = CPU) -> Iterator[News]:
    """Runs each job on one thread; the same bits come out whatever `processes` is."""
    processes = min(processes, len(jobs))
    return _here(jobs, folder, device) if processes <= 1 else _beside(jobs, folder, device, processes)


def _here(jobs: Sequence[Job], folder: Path, device: torch.device) -> Iterator[News]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for job in jobs:
            yield from _steps(job, folder, device)
    finally:
        torch.set_num_threads(threads)


def _steps(job: Job, folder: Path, device: torch.device) -> Iterator[News]:
    """The news of a job, at most a few in a second."""
    running, pairs, told = job.run(folder, device), 0, time.monotonic()
    while True:
        try:
            pairs += next(running)
        except StopIteration as ended:
            yield News(job.key, pairs, ended.value)
            return
        if time.monotonic() - told > 0.2:
            yield News(job.key, pairs)
            pairs, told = 0, time.monotonic()


def _beside(jobs: Sequence[Job], folder: Path, device: torch.device, processes: int) -> Iterator[News]:
    context = multiprocessing.get_context("spawn")
    todo, news = context.Queue(), context.Queue()
    for job in [*jobs, *[None] * processes]:
        todo.put(job)
    workers = [context.Process(target=_work, args=(todo, news, folder, device), daemon=True) for _ in range(processes)]
    for worker in workers:
        worker.start()
    try:
        finished = 0
        while finished < len(jobs):
            try:
                said = news.get(timeout=1)
            except queue.Empty:
                if any(worker.exitcode not in (None, 0) for worker in workers):
                    raise InputError("a process ended before its cell did; is memory short? Try --jobs 1") from None
                continue
            if isinstance(said, BaseException):
                raise said
            finished += said.record is not None
            yield said
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()


def _work(todo: Any, news: Any, folder: Path, device: torch.device) -> None:
    """What a process does: one job after another until there is none left, or nobody who waits for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one decides when to stop
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    try:
        while (job := todo.get()) is not None:
            for said in _steps(job, folder, device):
                if parent is not None and not parent.is_alive():
                    return
                news.put(said)
    except Exception as error:
        error.add_note(traceback.format_exc())
        news.put(error)
