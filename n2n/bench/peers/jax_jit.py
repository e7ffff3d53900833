"""The peer JAX: one jitted function that takes the whole step, with Adam written out."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from n2n.bench.architecture import Activation, Conv, MaxPool, Part, Skip, Upsample, architectures
from n2n.bench.problem import BETAS, EPS, LR, Problem
from tape import tree

__all__ = ["JaxJit"]


class JaxJit:
    """A trainer, on the CPU.

    Images are (N, H, W, C) and kernels (H, W, in, out): the layout that XLA's own kernels on the CPU have, and the
    faster of the two that were tried.
    """

    def __init__(self, problem: Problem) -> None:
        self._jax = jax = import_module("jax")
        jax.config.update("jax_platforms", "cpu")
        self._params = [jax.numpy.array(_to_jax(leaf)) for leaf in tree.leaves(problem.params)]
        zeros = [jax.numpy.zeros_like(leaf) for leaf in self._params]
        self._state = zeros, [leaf.copy() for leaf in zeros], jax.numpy.zeros((), "float32")
        self._step = jax.jit(_step(jax, architectures[problem.network]), donate_argnums=(0, 1))
        self.feed(problem.noisy, problem.target)

    def feed(self, noisy: Tensor, target: Tensor) -> None:
        self._batch = [self._jax.numpy.array(images.permute(0, 2, 3, 1).numpy()) for images in (noisy, target)]

    def step(self) -> None:
        self._params, self._state, self._loss = self._step(self._params, self._state, *self._batch)

    def wait(self) -> None:
        self._jax.block_until_ready((self._params, self._state, self._loss))

    def loss(self) -> float:
        return float(self._loss)

    def gradients(self) -> list[Tensor]:
        return [_from_jax(mean) / (1 - BETAS[0]) for mean in self._state[0]]

    def parameters(self) -> list[Tensor]:
        return [_from_jax(leaf) for leaf in self._params]


def _to_jax(leaf: Tensor) -> Any:
    return (leaf.permute(2, 3, 1, 0) if leaf.ndim == 4 else leaf).numpy()


def _from_jax(leaf: Any) -> Tensor:
    tensor = torch.from_numpy(np.array(leaf))
    return tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor


def _step(jax: Any, parts: Iterable[Part]) -> Any:
    def objective(params: Any, noisy: Any, target: Any) -> Any:
        return jax.numpy.mean((_series(jax, parts, iter(params), noisy) - target) ** 2)

    def step(params: Any, state: Any, noisy: Any, target: Any) -> Any:
        loss, grads = jax.value_and_grad(objective)(params, noisy, target)
        (beta1, beta2), map = BETAS, jax.tree.map
        means, squares, count = state
        count = count + 1
        means = map(lambda m, g: beta1 * m + (1 - beta1) * g, means, grads)
        squares = map(lambda v, g: beta2 * v + (1 - beta2) * g**2, squares, grads)
        rate, correction = LR / (1 - beta1**count), jax.numpy.sqrt(1 - beta2**count)
        params = map(lambda p, m, v: p - rate * m / (jax.numpy.sqrt(v) / correction + EPS), params, means, squares)
        return params, (means, squares, count), loss

    return step


def _series(jax: Any, parts: Iterable[Part], params: Iterator[Any], x: Any) -> Any:
    activations = {
        "relu": jax.nn.relu,
        "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.1),
        "sigmoid": jax.nn.sigmoid,
    }
    for part in parts:
        match part:
            case Conv(_, _, stride, padding):
                weight, bias = next(params), next(params)
                layout = ("NHWC", "HWIO", "NHWC")
                edges = [(padding, padding)] * 2
                x = jax.lax.conv_general_dilated(x, weight, (stride, stride), edges, dimension_numbers=layout) + bias
            case Activation(name):
                x = activations[name](x)
            case MaxPool(size):
                n, height, width, channels = x.shape
                x = x.reshape(n, height // size, size, width // size, size, channels).max((2, 4))
            case Upsample(scale):
                x = x.repeat(scale, 1).repeat(scale, 2)
            case Skip(inner):
                x = jax.numpy.concatenate([_series(jax, inner, params, x), x], -1)
    return x
