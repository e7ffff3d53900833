"""Functional, tape-based automatic differentiation on plain torch tensors."""

from tape import ops as ops
from tape import tree as tree
from tape.errors import TapeError
from tape.finite import require_finite
from tape.microbatching import microbatch
from tape.primitive import Primitive, primitive
from tape.traced import implements
from tape.tracing import trace
from tape.transforms import grad, stop_gradient, value_and_grad, vjp

__all__ = [
    "Primitive",
    "TapeError",
    "grad",
    "implements",
    "microbatch",
    "primitive",
    "require_finite",
    "stop_gradient",
    "trace",
    "tree",
    "value_and_grad",
    "vjp",
]
