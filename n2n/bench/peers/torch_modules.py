"""The peer torch: `torch.nn` modules, torch's autograd, its fused Adam; eager or compiled."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from n2n.bench.architecture import Activation, Conv, MaxPool, Part, Skip, Upsample, architectures
from n2n.bench.peers.contender import wait_for
from n2n.bench.problem import BETAS, EPS, LR, Problem
from tape import tree

__all__ = ["TorchModules", "channels_last", "compiled", "module"]


class TorchModules:
    """A trainer."""

    def __init__(
        self,
        problem: Problem,
        memory_format: torch.memory_format = torch.contiguous_format,
        compiler: str | Callable[..., Any] = "",
    ) -> None:
        eager = module(problem, memory_format)
        self._parameters = list(eager.parameters())
        self._optimizer = torch.optim.Adam(self._parameters, LR, BETAS, EPS, fused=True)
        self._module = _compiled(eager, compiler) if compiler else eager
        self._device, self._format = problem.device, memory_format
        self.feed(problem.noisy, problem.target)

    def feed(self, noisy: Tensor, target: Tensor) -> None:
        self._noisy = noisy.contiguous(memory_format=self._format)
        self._target = target.contiguous(memory_format=self._format)

    def step(self) -> None:
        loss = torch.nn.functional.mse_loss(self._module(self._noisy), self._target)
        loss.backward()
        self._optimizer.step()
        # Here and not before the loss: no gradients lie about between two steps, as none do in `Ours`.
        self._optimizer.zero_grad(set_to_none=True)
        self._loss = loss.detach()

    def wait(self) -> None:
        wait_for(self._device)

    def loss(self) -> float:
        return self._loss.item()

    def gradients(self) -> list[Tensor]:
        means = (self._optimizer.state[parameter]["exp_avg"] for parameter in self._parameters)
        return [mean.detach() / (1 - BETAS[0]) for mean in means]

    def parameters(self) -> list[Tensor]:
        return [parameter.detach() for parameter in self._parameters]


channels_last = partial(TorchModules, memory_format=torch.channels_last)
compiled = partial(TorchModules, memory_format=torch.channels_last, compiler="inductor")


def module(problem: Problem, memory_format: torch.memory_format) -> torch.nn.Module:
    """A problem's network with its parameters, on its device."""
    built, _ = _series(architectures[problem.network], problem.noisy.shape[1])
    with torch.no_grad():
        for parameter, value in zip(built.parameters(), tree.leaves(problem.params), strict=True):
            parameter.copy_(value)
    # torch's stubs know `memory_format` only together with a dtype.
    placed: torch.nn.Module = built.to(problem.device).to(memory_format=memory_format)  # type: ignore[call-overload]
    return placed


def _compiled(eager: torch.nn.Module, compiler: str | Callable[..., Any]) -> Any:
    # What other networks had compiled counts for this one, as all are the same class: after eight it would stay eager.
    torch.compiler.reset()
    return torch.compile(eager, backend=compiler)


class _Skip(torch.nn.Module):
    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.inner(x), x], 1)


_activations: dict[str, Any] = {
    "relu": torch.nn.ReLU,
    "leaky_relu": partial(torch.nn.LeakyReLU, 0.1),
    "sigmoid": torch.nn.Sigmoid,
}


def _series(parts: Iterable[Part], channels: int) -> tuple[torch.nn.Module, int]:
    """A module and its output's channels."""
    modules: list[torch.nn.Module] = []
    for part in parts:
        match part:
            case Conv(out, kernel, stride, padding):
                modules.append(torch.nn.Conv2d(channels, out, kernel, stride, padding))
                channels = out
            case Activation(name):
                modules.append(_activations[name]())
            case MaxPool(size):
                modules.append(torch.nn.MaxPool2d(size))
            case Upsample(scale):
                modules.append(torch.nn.Upsample(scale_factor=scale))
            case Skip(inner):
                module, out = _series(inner, channels)
                modules.append(_Skip(module))
                channels += out
    return torch.nn.Sequential(*modules), channels
