"""Numpy's numbers and arrays beside traced values: a number is taken as Python's, an array says what to write."""

import operator
from collections.abc import Callable
from typing import Any

from tape.errors import TapeError, TapeTypeError

__all__ = ["is_array", "number_of", "operator_of", "refuse_array"]


def is_array(x: Any) -> bool:
    """Whether it is one of numpy's arrays or numbers; nothing here imports numpy."""
    return hasattr(x, "__array_interface__")


def number_of(x: Any) -> Any:
    """An array without dimensions, or one of numpy's numbers, as Python's number; anything else as it is."""
    if not is_array(x):
        return x
    if x.ndim:
        raise TapeTypeError(
            f"a numpy array of shape {x.shape} beside a traced value: write torch.as_tensor(array) in its place"
        )
    return x.item()


def operator_of(ufunc: Any) -> Callable[..., Any] | None:
    """The operator that numpy calls by the name of a universal function."""
    return _OPERATORS.get(ufunc.__name__)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


def refuse_array(what: str, instead: str) -> TapeError:
    return TapeError(
        f"{what} cannot become a numpy array: its derivative would be lost; {instead}write "
        "tape.stop_gradient(x).numpy() where no derivative is wanted"
    )
