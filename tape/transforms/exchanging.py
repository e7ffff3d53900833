"""Exchanging what modules keep: other parameters and buffers for one call, without the module being anybody's alone.

While a call is in force, a dictionary of a module's (`_parameters` or `_buffers`) is one that looks up the values of
the call in whose context it is asked. So two threads with two calls each see their own, a thread of a microbatch sees
those of the call around it, any other thread sees the module's own, and none has to wait while another's module runs:
what runs in it may be waiting for anything, for another call too. Copies of the module would need no lock either, but
bound methods, closures and hooks that lead to the module itself would find the parameters that it had before, whose
derivative would be lost.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import Any, NamedTuple

from torch import nn

__all__ = ["Exchange", "Exchanges", "exchanges", "in_force", "seen_here"]


class Exchange(NamedTuple):
    """Other values for some keys of one of a module's dictionaries."""

    owner: nn.Module
    attribute: str  # "_parameters" or "_buffers"
    values: dict[str, Any]


Exchanges = Mapping[tuple[int, str], Exchange]  # by the owner's identity and the attribute

_exchanges: ContextVar[Exchanges] = ContextVar("exchanges")


def exchanges() -> Exchanges:
    """Those that are in force in this context."""
    return _exchanges.get({})


@contextmanager
def in_force(added: Exchanges) -> Iterator[None]:
    """Has some exchanges made, in this context and beside those that are in force in it."""
    _begin(added)
    token = _exchanges.set({**exchanges(), **added})
    try:
        yield
    finally:
        _exchanges.reset(token)
        _end(added)


def seen_here(owner: nn.Module, attribute: str) -> Mapping[str, Any]:
    """What a dictionary of a module's holds for a call that begins in this context."""
    tensors = getattr(owner, attribute)
    if type(tensors) is not _Exchanging:
        return dict(tensors)
    here = exchanges().get(tensors.place)
    return {**tensors.own, **(here.values if here else {})}


class _Exchanging(MutableMapping[str, Any], dict[str, Any]):  # type: ignore[metaclass, misc]  # torch asks for a dict
    """A module's dictionary while calls are in force that exchange some of its values.

    What is written to an exchanged key lasts as long as the call; any other key is the module's own.
    """

    __slots__ = ("calls", "own", "place")

    def __init__(self, place: tuple[int, str], own: dict[str, Any]) -> None:
        self.place = place
        self.own = own
        self.calls = 0  # that are in force, in any context

    def __getitem__(self, key: str) -> Any:
        values = self._exchanged()
        return values[key] if key in values else self.own[key]

    def __setitem__(self, key: str, value: Any) -> None:
        values = self._exchanged()
        (values if key in values else self.own)[key] = value

    def __delitem__(self, key: str) -> None:
        self._exchanged().pop(key, None)
        del self.own[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.own)

    def __len__(self) -> int:
        return len(self.own)

    def __contains__(self, key: object) -> bool:
        return key in self.own

    def copy(self) -> dict[str, Any]:
        return {key: self[key] for key in self}

    def __reduce__(self) -> Any:  # copied and pickled as what it looks like here
        return dict, (self.copy(),)

    def _exchanged(self) -> dict[str, Any]:
        here = exchanges().get(self.place)
        return {} if here is None else here.values


# Held while dictionaries are put into modules and taken out again, and never while a module runs. The garbage
# collector may run anything at any time: should that be a call of a module, the same thread does not wait for itself.
_lock = RLock()


def _begin(added: Exchanges) -> None:
    with _lock:
        for place, exchange in added.items():
            tensors = getattr(exchange.owner, exchange.attribute)
            exchanging = tensors if type(tensors) is _Exchanging else _Exchanging(place, tensors)
            exchanging.calls += 1
            exchange.owner.__dict__[exchange.attribute] = exchanging


def _end(added: Exchanges) -> None:
    with _lock:
        for exchange in added.values():
            exchanging = exchange.owner.__dict__[exchange.attribute]
            exchanging.calls -= 1
            if not exchanging.calls:
                exchange.owner.__dict__[exchange.attribute] = exchanging.own


def _forget_other_threads() -> None:
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)  # who held it does not survive a fork
