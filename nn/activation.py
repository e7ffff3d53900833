"""Activation functions, with the signatures and conventions of `torch.nn.functional`.

Each takes floating-point numbers in any shape, entry by entry, and keeps their shape and dtype.
"""

from torch import Tensor

from tape.ops import functions

__all__ = ["leaky_relu", "relu", "sigmoid", "softplus", "tanh"]


def relu(input: Tensor) -> Tensor:
    """max(x, 0) of each entry, as `torch.nn.functional.relu`; its derivative at 0 is 0.

    >>> import torch
    >>> relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return functions.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, `negative_slope` x elsewhere; its derivative at 0 is `negative_slope`, as in
    `torch.nn.functional.leaky_relu`.

    >>> import torch
    >>> leaky_relu(torch.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return functions.leaky_relu(input, negative_slope)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)) of each entry, as `torch.sigmoid`.

    >>> import torch
    >>> sigmoid(torch.tensor(0.0))
    tensor(0.5000)
    """
    return functions.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent of each entry, as `torch.tanh`.

    >>> import torch
    >>> tanh(torch.tensor(0.0))
    tensor(0.)
    """
    return functions.tanh(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, and x itself where beta x exceeds the threshold, as
    `torch.nn.functional.softplus`.

    >>> import torch
    >>> softplus(torch.tensor(0.0))
    tensor(0.6931)
    """
    return functions.softplus(input, beta, threshold)
