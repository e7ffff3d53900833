"""Functional, tape-based automatic differentiation on plain torch tensors."""

from tape import ops as ops
from tape import tree as tree
from tape.checkpointing import checkpoint
from tape.custom import CustomVjp, custom_vjp
from tape.errors import TapeError
from tape.forward import hvp, jvp
from tape.jacobians import hessian, jacfwd, jacrev
from tape.microbatching import microbatch
from tape.modules import functional_call
from tape.primitive import Primitive, primitive
from tape.traced import implements
from tape.tracing import trace
from tape.transforms import grad, stop_gradient, value_and_grad, vjp

__all__ = [
    "CustomVjp",
    "Primitive",
    "TapeError",
    "checkpoint",
    "custom_vjp",
    "functional_call",
    "grad",
    "hessian",
    "hvp",
    "implements",
    "jacfwd",
    "jacrev",
    "jvp",
    "microbatch",
    "primitive",
    "stop_gradient",
    "trace",
    "tree",
    "value_and_grad",
    "vjp",
]
