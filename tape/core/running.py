"""What runs in this thread: the tapes that are being recorded, and the values that stand in for traced ones."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tape.core.tape import Tape
from tape.core.traced import Traced

__all__ = ["is_stood_in", "recording", "running", "stand_ins", "standing_in", "stood_in"]


class _State(threading.local):
    def __init__(self) -> None:
        self.tapes: list[Tape] = []
        self.stand_ins: dict[Tape, Callable[[Traced], Any]] = {}


_state = _State()


@contextmanager
def recording(tape: Tape) -> Iterator[None]:
    """While the function of a transformation runs; its tape has ended afterwards."""
    _state.tapes.append(tape)
    try:
        yield
    finally:
        _state.tapes.remove(tape)
        tape.ended = True


def running() -> list[Tape]:
    """The tapes that are being recorded, from the outermost level to the innermost."""
    return list(_state.tapes)


@contextmanager
def standing_in(replacements: Mapping[Tape, Callable[[Traced], Any]]) -> Iterator[None]:
    """While it lasts, an op that meets a traced value of one of the tapes takes what is made of it in its place."""
    before = _state.stand_ins
    ended = [(tape, tape.ended) for tape in replacements]
    _state.stand_ins = {**before, **replacements}
    for tape in replacements:
        tape.ended = True  # a call that is written out for a primitive leaves such a tape to the general one
    try:
        yield
    finally:
        _state.stand_ins = before
        for tape, was in ended:
            tape.ended = was


def stand_ins() -> Mapping[Tape, Callable[[Traced], Any]]:
    """What stands in for the values of which tapes here."""
    return _state.stand_ins


def is_stood_in(x: Any) -> bool:
    return type(x) is Traced and x.tape in _state.stand_ins


def stood_in(x: Any, replacements: Mapping[Tape, Callable[[Traced], Any]] | None = None) -> Any:
    """What stands in for a value here, or by other replacements than those of here; itself if nothing does."""
    replacements = _state.stand_ins if replacements is None else replacements
    while type(x) is Traced and x.tape in replacements:
        x = replacements[x.tape](x)
    return x
