"""Functional, tape-based automatic differentiation on plain torch tensors.

Every transformation nests in every other, and goes with torch's own where torch's goes around it: `torch.func.vmap`
over any of them gives per-sample gradients and batched Jacobians, and `make_fx` the program of a derivative as a
graph. `functional_call` makes a `torch.nn.Module` a function of its parameters.

>>> import torch
>>> torch.func.vmap(jacrev(torch.sin))(torch.zeros(2, 1)).shape
torch.Size([2, 1, 1])

Not the other way around: `torch.func.vmap`, `torch.func.grad` and `torch.autograd` inside a function that is
differentiated here are refused, and to torch's derivatives what is worked out here is a constant.
"""

from tape import ops as ops
from tape import tree as tree
from tape.compiling import Compiled, compile, microbatch
from tape.core import Primitive, implements, primitive
from tape.core.registry import registry
from tape.errors import TapeError
from tape.programs import require_finite, trace
from tape.transforms import (
    CustomVjp,
    checkpoint,
    custom_vjp,
    functional_call,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)

__all__ = [
    "Compiled",
    "CustomVjp",
    "Primitive",
    "TapeError",
    "checkpoint",
    "compile",
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
    "registry",
    "require_finite",
    "stop_gradient",
    "trace",
    "tree",
    "value_and_grad",
    "vjp",
]
