"""Microbatches in threads wait for nothing but jobs that are being done: nested in whatever way, they end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

import tape

SECONDS = 60  # after which a call that should have ended counts as one that waits for ever


def square(w: Any, x: Any) -> Any:
    return (x * w).square().mean()


def in_a_bare_thread(w: Any, x: Any) -> Any:
    """A loss with a microbatch in a thread of the user's, which knows nothing of the microbatch around it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(tape.microbatch(square, 1, threads=2), w, x).result()


def within_time(w: Tensor, x: Tensor, loss: Any) -> Tensor:
    results: list[Tensor] = []
    thread = threading.Thread(target=lambda: results.append(tape.grad(loss)(w, x)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive(), "it waits for ever"
    return results[0]


def test_a_microbatch_in_a_thread_that_a_microbatch_waits_for_ends() -> None:
    w, x = torch.tensor(2.0), torch.arange(8.0)
    found = within_time(w, x, tape.microbatch(in_a_bare_thread, 4, threads=2))
    torch.testing.assert_close(found, tape.grad(square)(w, x))


def test_an_error_waits_for_the_job_that_is_under_way() -> None:
    begun, ended = threading.Event(), threading.Event()

    def loss(w: Any, x: Any) -> Any:
        if bool(x[0] == 0):
            begun.wait(SECONDS)
            raise KeyError("mine")
        begun.set()
        time.sleep(0.2)  # so that whoever does not wait is first
        ended.set()
        return square(w, x)

    with pytest.raises(KeyError, match="mine"):
        tape.grad(tape.microbatch(loss, 1, threads=2))(torch.tensor(2.0), torch.arange(2.0))
    assert ended.is_set()


def test_an_error_of_one_job_is_raised_when_no_other_is_under_way() -> None:
    running = []

    def loss(w: Any, x: Any) -> Any:
        running.append(1)
        try:
            if bool(x[0] == 0):
                raise KeyError("mine")
            return square(w, x)
        finally:
            running.pop()

    with pytest.raises(KeyError, match="mine"):
        tape.grad(tape.microbatch(loss, 2, threads=3))(torch.tensor(2.0), torch.arange(12.0))
    assert not running
    again = tape.grad(tape.microbatch(square, 2, threads=3))(torch.tensor(2.0), torch.arange(12.0))
    torch.testing.assert_close(again, tape.grad(square)(torch.tensor(2.0), torch.arange(12.0)))
