"""Mistakes with traced values, and operations on them that are not recorded."""

import copy
import operator
from typing import Any

import torch
from torch import Tensor

from tape import checkpoint, grad, vjp
from tests.tape.errors.examples import Case, X


def kept(x: Tensor) -> Any:
    """A traced value that has escaped from its transformation."""
    escaped: list[Any] = []
    grad(lambda x: (escaped.append(x), x.sum())[1])(x)
    return escaped[0]


def changed_in_place() -> Any:
    x = X.clone()
    _, pullback = vjp(torch.sin, x)
    x.add_(1)
    return pullback(X)


CASES: dict[str, Case] = {
    "ended value in an op": (
        lambda: torch.sin(kept(X)),
        "sin got a traced value whose transformation has ended; return it from the function that is "
        "differentiated instead of keeping it",
    ),
    "ended value returned": (
        lambda: vjp(lambda x: kept(X), X),
        "the function returned a traced value whose transformation has ended; return it from the function "
        "that is differentiated instead of keeping it",
    ),
    "ended value in a checkpoint": (
        lambda: checkpoint(torch.sin)(kept(X)),
        "checkpoint of sin got a traced value whose transformation has ended; return it from the function "
        "that is differentiated instead of keeping it",
    ),
    "residual changed in place": (
        changed_in_place,
        "a tensor that the derivative of sin needs was changed in place after it was recorded; change a clone"
        " of it instead",
    ),
    "numpy": (
        lambda: vjp(lambda x: x.__array__(), X),
        "a traced value cannot become a numpy array: its derivative would be lost; write "
        "tape.stop_gradient(x).numpy() where no derivative is wanted",
    ),
    "copying": (
        lambda: vjp(copy.copy, X),
        "a traced value cannot be pickled or copied by the copy module: its derivative would be lost; write "
        "x.clone() for a copy with a derivative, tape.stop_gradient(x) for one without",
    ),
    "keyword that is not supported": (
        lambda: vjp(lambda x: x.sum(foo=1), X),
        "sum does not support foo=1 on a traced value",
    ),
    "op without a rule": (
        lambda: vjp(torch.angle, X),
        "torch.angle has no derivative rule: write it as a function of ops that have one and register it with"
        " @tape.implements(...), or define a primitive: @tape.primitive and .defvjp(...)",
    ),
    "in-place method": (
        lambda: vjp(lambda x: x.add_(1), X),
        "Tensor.add_ changes a tensor in place, which is not recorded; write x = x.add(...) instead",
    ),
    "in-place method without a kin": (
        lambda: vjp(lambda x: x.zero_(), X),
        "Tensor.zero_ changes a tensor in place, which is not recorded; write an op that returns a new tensor instead",
    ),
    "in-place function": (
        lambda: vjp(torch.relu_, X),
        "torch.relu_ changes a tensor in place, which is not recorded; write the function without the "
        "underscore instead",
    ),
    "in-place operator": (
        lambda: vjp(lambda x: operator.iadd(x, 1), X),
        "x += y changes a tensor in place, which is not recorded; write x = x + y instead",
    ),
    "item assignment": (
        lambda: vjp(lambda x: operator.setitem(x, 0, 1.0), X),
        "x[...] = v changes a tensor in place, which is not recorded; write torch.where(mask, v, x) or "
        "torch.index_put(x, indices, v) instead",
    ),
    "item assignment into a tensor": (
        lambda: vjp(lambda x: operator.setitem(torch.zeros(3), 0, x[0]), X),
        "assigning a traced value changes a tensor in place, which is not recorded; write torch.where, "
        "torch.cat or torch.index_put instead",
    ),
    "out argument": (
        lambda: vjp(lambda x: torch.sin(x, out=torch.zeros(3)), X),
        "sin(..., out=) changes a tensor in place, which is not recorded; write y = sin(...) instead",
    ),
}
