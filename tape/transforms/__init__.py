"""What is made of a function: its gradient, its Jacobian, itself in less memory or with a derivative of its own."""

from tape.transforms.checkpointing import checkpoint
from tape.transforms.custom import CustomVjp, custom_vjp
from tape.transforms.forward import hvp, jvp
from tape.transforms.gradients import grad, stop_gradient, value_and_grad, vjp
from tape.transforms.jacobians import hessian, jacfwd, jacrev
from tape.transforms.modules import functional_call

__all__ = [
    "CustomVjp",
    "checkpoint",
    "custom_vjp",
    "functional_call",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
