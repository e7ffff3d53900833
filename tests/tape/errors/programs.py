"""Mistakes with recorded programs, and numbers that are not finite."""

from typing import Any

import torch

import tape
from tape import grad
from tests.tape.errors.examples import Case, X


def not_finite() -> Any:
    with tape.require_finite():
        return grad(lambda x: (x / 0).sum())(X)


def marked(x: Any) -> Any:
    marks = torch.zeros(3)
    marks[x > 0] = 1.0
    return x * marks


def changed_constant() -> Any:
    constant = X.clone()
    program = tape.trace(lambda x: x * constant)(X)
    constant.add_(1)
    return program(X)


CASES: dict[str, Case] = {
    "number that is not finite": (
        not_finite,
        "divide made 2 inf and 1 -inf among 3 numbers\n  at programs.py:#  return grad(lambda x: (x / 0).sum())(X)\n"
        "  x: float32[3], from -1 to 2\n  y: 0",
    ),
    "program with a change in place": (
        lambda: tape.trace(marked)(X)(X),
        "this program cannot run again: setitem changes in place a tensor that depends on the arguments, at "
        "programs.py:#  marks[x > 0] = 1.0",
    ),
    "program whose constant has changed": (
        changed_constant,
        "a constant that multiply uses was changed in place after it was traced; trace again",
    ),
    "program called with another structure": (
        lambda: tape.trace(lambda p: p["x"] * 2)({"x": X})([X]),
        "the program was traced with arguments PyTreeSpec(({'x': *},), namespace='tape') and got "
        "PyTreeSpec(([*],), namespace='tape')",
    ),
    "program called with another shape": (
        lambda: tape.trace(torch.sin)(X)(X[:2]),
        "argument 0 was %0 float32[3] when the program was traced; trace again",
    ),
    "program called with another constant": (
        lambda: tape.trace(lambda x, name: x * 2)(X, "one")(X, "other"),
        "argument 1 is a constant of the program and has another value; trace again",
    ),
}
