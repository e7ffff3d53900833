"""Learning rates and counts of steps: numbers where they can be read, 0-d tensors where they cannot.

A number costs nothing beside the tensors that it multiplies. Under `torch.func.vmap` a count differs from run to run,
and a rate that is differentiated is a traced value: neither can be a number, and the same formulas take it as a tensor.
"""

from typing import Any

import torch

from tape.errors import TapeError

__all__ = ["Scalar", "count", "is_scalar", "is_tensor", "over", "plus", "precise", "times"]

Scalar = Any  # a number, or a 0-d tensor or traced value


def count(step: Any) -> Any:
    """A state's step as an int, or as it is where it cannot be read.

    >>> count(torch.tensor(3))
    3
    """
    try:
        return int(step)
    except (RuntimeError, TapeError):  # torch.func.vmap's refusal, or the engine's
        return step


def precise(step: Any) -> Any:
    """A count in which to calculate: a tensor in float64, because torch would take an integer one for float32.

    >>> precise(torch.tensor(3)), precise(3)
    (tensor(3., dtype=torch.float64), 3)
    """
    return step.double() if is_tensor(step) else step


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor, traced or not.

    >>> is_tensor(torch.tensor(3)), is_tensor(3)
    (True, False)
    """
    return isinstance(getattr(value, "dtype", None), torch.dtype)


def is_scalar(value: Any) -> bool:
    """Whether a value is a 0-d floating-point tensor, traced or not.

    >>> is_scalar(torch.tensor(0.1)), is_scalar(0.1)
    (True, False)
    """
    return is_tensor(value) and value.dtype.is_floating_point and value.ndim == 0


def times(factor: Scalar, x: Any) -> Any:
    """`factor·x`, of the dtype and on the device of x.

    >>> times(torch.tensor(0.5, dtype=torch.float64), torch.tensor(3.0))
    tensor(1.5000)
    """
    return _like(factor, x) * x


def over(x: Any, divisor: Scalar) -> Any:
    """`x / divisor`, of the dtype and on the device of x.

    >>> over(torch.tensor(3.0), torch.tensor(2.0, dtype=torch.float64))
    tensor(1.5000)
    """
    return x / _like(divisor, x)


def plus(x: Any, factor: Scalar, y: Any) -> Any:
    """`x + factor·y`, in one pass where the factor is a number.

    >>> plus(torch.tensor(1.0), -0.5, torch.tensor(4.0))
    tensor(-1.)
    """
    return x + times(factor, y) if is_scalar(factor) else torch.add(x, y, alpha=factor)


def _like(scalar: Scalar, x: Any) -> Any:
    # Of two 0-d tensors the wider would give its dtype to the result.
    return scalar.to(device=x.device, dtype=x.dtype) if is_scalar(scalar) else scalar
