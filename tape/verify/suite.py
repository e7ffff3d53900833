"""A test in one line, for any test runner that collects functions."""

from collections.abc import Callable
from typing import Any

from tape.verify.checking import check
from tape.verify.subject import name_of

__all__ = ["suite"]


def suite(f: Callable[..., Any], *args: Any, **options: Any) -> Callable[[], None]:
    """A test function that runs `check(f, *args, **options)`.

    >>> import torch
    >>> from tape.verify import case, real
    >>> from tape import verify
    >>> test_sine = verify.suite(torch.sin, domain=case(real("n")))
    >>> test_sine()
    """

    def test() -> None:
        check(f, *args, **options)

    test.__name__ = test.__qualname__ = f"test_{name_of(f)}"
    test.__doc__ = f"The derivative of {name_of(f)} holds."
    return test
