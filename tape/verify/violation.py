"""What a property raises when it does not hold, and what `check` raises for a person to read."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["VerificationError", "Violation", "expect_close", "expect_equal"]


class VerificationError(AssertionError):
    """A derivative that does not hold. `property` is the name of the property that is violated.

    The message shows the smallest call that was found, and prints it as code to run again.

    >>> import tape
    >>> from tape import verify
    >>> @tape.primitive
    ... def double(x):
    ...     return 2 * x
    >>> double.defvjp(x=lambda g: 3 * g)
    >>> try:
    ...     verify.check(double, torch.tensor(1.0))
    ... except verify.VerificationError as error:
    ...     print(error.property)
    vjp
    """

    def __init__(self, message: str, property: str) -> None:
        super().__init__(message)
        self.property = property


class Violation(AssertionError):
    """One property that does not hold on one drawn call: what was compared, expected and got."""

    def __init__(self, what: str, expected: Any = None, got: Any = None) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.got = got


def expect_close(what: str, got: Sequence[Any], expected: Sequence[Any], tolerance: float) -> None:
    """Fails unless each entry is within `tolerance`, relative to the largest entry of its tensor or to 1."""
    for i, (a, e) in enumerate(zip(got, expected, strict=True)):
        name = what if len(expected) == 1 else f"{what}, number {i}"
        if a is None and e is None:
            continue
        if not isinstance(a, Tensor) or not isinstance(e, Tensor) or a.shape != e.shape:
            raise Violation(name, e, a)
        wide, right = a.detach().to(torch.float64), e.detach().to(torch.float64)
        finite = right[right.isfinite()]
        scale = 1 + float(finite.abs().max()) if finite.numel() else 1.0
        if not torch.allclose(wide, right, rtol=0.0, atol=tolerance * scale, equal_nan=True):
            raise Violation(name, e, a)


def expect_equal(what: str, got: Sequence[Any], expected: Sequence[Any]) -> None:
    """Fails unless all tensors are the same to the last bit."""
    expect_close(what, got, expected, 0.0)
