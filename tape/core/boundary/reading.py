"""Numbers that were read off a traced value: to be printed, logged, compared and branched on.

A Python number has no derivative. What is computed from one would silently be a constant, so a number that was read
while its value is being differentiated refuses to be computed with. Afterwards it is a number like any other.
"""

import dis
import sys
import types
import weakref
from collections.abc import Iterator
from functools import partialmethod
from typing import Any, ClassVar

import torch

from tape import tree
from tape.core.running import running, stand_ins
from tape.core.tape import Tape
from tape.core.traced import Traced
from tape.errors import TapeError

__all__ = ["Reading", "refuse_number"]


class Reading:
    """A number of a traced value: what `x.item()` gives, and the entries of `x.tolist()`."""

    __slots__ = ("_number", "_tapes")

    # What has derivative zero takes the number as it is.
    constant: ClassVar[set[Any]] = set()

    def __init__(self, number: float, of: Traced) -> None:
        self._number = number
        # Also what runs around it: the value may be a checkpoint's own, whose tape ends before theirs.
        self._tapes = tuple(map(weakref.ref, {*running(), *_tapes(of)}))

    @property
    def number(self) -> float:
        """The number, to look at."""
        return self._number

    def __float__(self) -> float:
        """The number, to compute with."""
        if self._differentiated() and not _formatting(sys._getframe(1)):
            raise refuse_number("a number that was read by x.item() or x.tolist()")
        return self._number

    def settled(self) -> Any:
        """The number itself, once nothing that it was read from is being differentiated any more."""
        return self if self._differentiated() else self._number

    def _differentiated(self) -> bool:
        tapes = (known() for known in self._tapes)
        return any(tape is not None and (not tape.ended or tape in stand_ins()) for tape in tapes)

    # Pieces of a step function: their derivative is zero.
    def __int__(self) -> int:
        return int(self._number)

    def __floor__(self) -> int:
        return self._number.__floor__()

    def __ceil__(self) -> int:
        return self._number.__ceil__()

    def __trunc__(self) -> int:
        return self._number.__trunc__()

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None:
            return round(self._number)
        rounded = object.__new__(Reading)  # to be looked at, as the number is
        rounded._number, rounded._tapes = round(self._number, digits), self._tapes
        return rounded

    def __bool__(self) -> bool:
        return bool(self._number)

    def __hash__(self) -> int:
        return hash(self._number)

    def __repr__(self) -> str:
        return repr(self._number)

    def __format__(self, form: str) -> str:
        return format(self._number, form)

    def __reduce__(self) -> Any:
        return float, (_use(self),)

    def __deepcopy__(self, memo: Any) -> "Reading":
        return self

    def __copy__(self) -> "Reading":
        return self

    def __array_ufunc__(self, function: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        plain = _look if function.__name__ in _ANSWERS else _use
        return getattr(function, method)(*map(plain, args), **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return torch.tensor(float(self), dtype=torch.float64).numpy()  # numpy converts it where it wants another dtype

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        plain = _look if function in cls.constant else _use
        return function(*tree.map(plain, args), **tree.map(plain, kwargs or {}))


# Functions of numpy's that give truth values.
_ANSWERS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
_ANSWERS |= {"isnan", "isinf", "isfinite", "signbit"}


def _formatting(frame: types.FrameType) -> bool:
    """Whether a frame is at a `%`: of a string, as a number that has operators of its own is never asked for there."""
    code, here = frame.f_code.co_code, frame.f_lasti
    return (code[here], code[here + 1]) in _REMAINDERS


_REMAINDERS = {
    (instruction.opcode, instruction.arg)
    for text in ("a % b", "a %= b")
    for instruction in dis.get_instructions(compile(text, "<%>", "exec"))
    if instruction.opname == "BINARY_OP"
}


def refuse_number(what: str) -> TapeError:
    return TapeError(
        f"{what} has no derivative, and what is computed from it would be a constant: compute with torch's functions "
        "on the tensor itself (torch.exp(x) for math.exp(x)), or write tape.stop_gradient(x).item() for a constant; "
        "to compare, to branch and to print f'{x:.3f}' need no float()"
    )


def _tapes(x: Any) -> Iterator[Tape]:
    while type(x) is Traced:
        yield x.tape
        x = x.value


def _look(x: Any) -> Any:
    return x.number if isinstance(x, Reading) else x


def _use(x: Any) -> Any:
    return float(x) if isinstance(x, Reading) else x


def _compared(self: Reading, operation: str, other: Any) -> Any:
    return getattr(_look(self), operation)(_look(other))


def _computed(self: Reading, operation: str, *others: Any) -> Any:
    return getattr(_use(self), operation)(*map(_use, others))


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Reading, f"__{_name}__", partialmethod(_compared, f"__{_name}__"))
for _name in ("neg", "pos", "abs"):
    setattr(Reading, f"__{_name}__", partialmethod(_computed, f"__{_name}__"))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow"):
    for _prefix in ("", "r"):
        setattr(Reading, f"__{_prefix}{_name}__", partialmethod(_computed, f"__{_prefix}{_name}__"))
