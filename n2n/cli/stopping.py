"""Ctrl-C and the system's request to end, noted until there is a good moment for them."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stop_requests"]


@contextmanager
def stop_requests() -> Iterator[Callable[[], int | None]]:
    """Has SIGINT and SIGTERM only noted: inside the context the function that it gives returns the signal's number once
    one came, None before. A second one raises KeyboardInterrupt at once. One that was ignored stays ignored: a shell
    starts its background jobs so, for the terminal's Ctrl-C not to reach them.
    """
    noted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)
        if len(noted) > 1:
            raise KeyboardInterrupt

    heeded = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heeded}
    try:
        yield lambda: noted[0] if noted else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
