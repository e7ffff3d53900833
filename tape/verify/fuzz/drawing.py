"""Drawing random programs from the registry of primitives.

A step calls a primitive as its domain says it may be called. Its tensors are values of the program so far: one
that fits, or one made to fit by steps of its own (indexing brings any shape, an affine map any range), or a
fresh input that a small part of an earlier value is added to. So values stay tame and away from kinks, and
all steps hang together.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import Boolean, Case, Integer, Real
from tape.core.registry import registry
from tape.verify.fuzz.fitting import Sizing, affine, within
from tape.verify.fuzz.program import Call, Name, Program, names_in, run_step

__all__ = ["Deck", "draw_program"]

_LARGEST = 50.0
_MOST_ENTRIES = 200
_TRIES = 6


class Deck:
    """The names of the registered primitives, dealt so that each comes up equally often."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names: list[str] = []
        self.refused: dict[str, Counter[str]] = {name: Counter() for name in registry}  # and why

    def deal(self) -> str:
        if not self.names:
            self.names = sorted(registry)
            self.random.shuffle(self.names)
        return self.names.pop()


class _Refused(Exception):
    """A call that is not worth a step, and why."""


def draw_program(random: Random, deck: Deck, length: int) -> Program:
    """A program of about `length` steps; what no step uses is its output."""
    draft = _Draft(random)
    while len(draft.steps) < length:
        name = deck.deal()
        for _ in range(_TRIES):
            kept = draft.mark()
            try:
                draft.call(name)
                break
            except _Refused as reason:
                draft.rewind(kept)
                deck.refused[name][str(reason)] += 1
    used = names_in([(step.args, step.kwargs) for step in draft.steps])
    outputs = tuple(step.target for step in draft.steps if step.target not in used)
    return Program(draft.inputs, tuple(draft.steps), outputs).pruned()


class _Draft:
    """A program in the making, with the value of each of its names."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.generator = torch.Generator().manual_seed(random.getrandbits(32))
        self.inputs: dict[Name, Tensor] = {}
        self.steps: list[Call] = []
        self.values: dict[Name, Tensor] = {}
        for _ in range(random.randint(2, 4)):
            self.add_input(self.numbers(Real(), [random.randint(1, 3) for _ in range(random.randint(0, 3))]))

    def mark(self) -> tuple[int, int]:
        return len(self.inputs), len(self.steps)

    def rewind(self, mark: tuple[int, int]) -> None:
        inputs, steps = mark
        del self.steps[steps:]
        self.inputs = dict(list(self.inputs.items())[:inputs])
        made = {*self.inputs, *(step.target for step in self.steps)}
        self.values = {name: value for name, value in self.values.items() if name in made}

    def add_input(self, x: Tensor) -> Name:
        name = Name(f"x{len(self.inputs)}")
        self.inputs[name] = self.values[name] = x
        return name

    def add_step(self, op: str, *args: Any, **kwargs: Any) -> Name:
        """Runs a step, and keeps it if its value is one to go on with."""
        step = Call(Name(f"v{len(self.steps)}"), op, args, kwargs)
        try:
            value = run_step(step, self.values)
        except Exception as error:
            raise _Refused(f"{type(error).__name__}: {error}") from error
        if isinstance(value, (tuple, list)):
            parts = [i for i, part in enumerate(value) if isinstance(part, Tensor) and part.is_floating_point()]
            if not parts:
                raise _Refused("no floating-point output")
            part = self.random.choice(parts)
            step, value = step._replace(part=part), value[part]
        if value.dtype != torch.float64:
            raise _Refused(f"a result of {value.dtype}")
        if not 0 < value.numel() <= _MOST_ENTRIES:
            raise _Refused("an empty result" if value.numel() == 0 else "too large a result")
        if not value.isfinite().all() or value.abs().max() > _LARGEST:
            raise _Refused("too large numbers")
        self.refuse_without_oracle(step)
        self.steps.append(step)
        self.values[step.target] = value
        return step.target

    def refuse_without_oracle(self, step: Call) -> None:
        """Torch's own derivative fails for a few calls (scatter_add whose source is larger than its index)."""
        names = sorted(names_in((step.args, step.kwargs)))
        inputs = {name: self.values[name].detach().requires_grad_() for name in names}
        try:
            torch.autograd.grad(run_step(step, dict(inputs)).sum(), list(inputs.values()), materialize_grads=True)
        except Exception as error:
            raise _Refused(f"torch's derivative: {str(error)[:100]}") from error

    def call(self, op: str) -> None:
        """Adds a call of a primitive, and the steps that fit values to it."""
        _, domain = registry[op]
        case = self.random.choice(domain)
        sizing = Sizing(case, self.random)
        args = tuple(self.argument(spec, sizing) for spec in case.args)
        kwargs = {name: self.argument(self.random.choice(specs), sizing) for name, specs in case.options.items()}
        if not names_in((args, kwargs)):
            raise _Refused("no tensor to differentiate")
        self.add_step(op, *args, **kwargs)

    def argument(self, spec: Any, sizing: Sizing) -> Any:
        if isinstance(spec, Real):
            return self.fitting(spec, sizing)
        if isinstance(spec, Integer):
            below = sizing.size(spec.below) if isinstance(spec.below, str) else spec.below
            low = -below if spec.negative else 0
            return torch.randint(low, max(below, 1), sizing.draw(spec.shape), generator=self.generator)
        if isinstance(spec, Boolean):
            return torch.rand(sizing.draw(spec.shape), generator=self.generator) < 0.5
        if type(spec) in (tuple, list):
            return type(spec)(self.argument(part, sizing) for part in spec)
        if type(spec).__module__ == Case.__module__:
            raise _Refused(f"no way to draw a {type(spec).__name__}")
        return spec

    def fitting(self, spec: Real, sizing: Sizing) -> Name:
        """A value for an argument: as it is if one fits, else made to fit."""
        names = self.candidates()
        for name in names:
            if within(self.values[name], spec) and sizing.accepts(spec.shape, self.values[name].shape):
                return name
        name = next((name for name in names if sizing.accepts(spec.shape, self.values[name].shape)), names[0])
        shape = self.values[name].shape
        if not sizing.accepts(spec.shape, shape):
            name, shape = self.gathered(name, sizing.draw(spec.shape))
        fit: list[Callable[[], Name]] = [lambda: self.squeezed(name, spec), lambda: self.grafted(name, spec)]
        self.random.shuffle(fit)
        for make in fit:
            fitted = make()
            if within(self.values[fitted], spec):
                return fitted
        raise _Refused("no value within the domain")

    def candidates(self) -> list[Name]:
        """A few values, recent ones more likely than old ones."""
        names = list(self.values)
        recent = names[-6:]
        return [self.random.choice(recent if self.random.random() < 0.5 else names) for _ in range(5)]

    def gathered(self, name: Name, shape: tuple[int, ...]) -> tuple[Name, torch.Size]:
        """Entries of a value, some more than once, in another shape."""
        flat = name if self.values[name].ndim == 1 else self.add_step("reshape", name, (-1,))
        places = torch.randint(0, self.values[flat].numel(), shape, generator=self.generator)
        found = self.add_step("index", flat, index=places)
        return found, self.values[found].shape

    def squeezed(self, name: Name, spec: Real) -> Name:
        """The value scaled and shifted into the domain."""
        for scale, shift in affine(self.values[name], spec):
            if within(self.values[name] * scale + shift, spec):
                scaled = name if scale == 1 else self.add_step("multiply", name, scale)
                return scaled if shift == 0 else self.add_step("add", scaled, shift)
        return name

    def grafted(self, name: Name, spec: Real) -> Name:
        """A fresh input from the domain, with a small part of the value added."""
        value = self.values[name]
        small = 0.01 / max(1.0, round(value.abs().max().item(), 1))
        fresh = self.add_input(self.numbers(spec, value.shape))
        return self.add_step("add", fresh, name, alpha=small)

    def numbers(self, spec: Real, shape: Any) -> Tensor:
        """Numbers from the middle of a domain, with few digits, and room for what may be added to them."""
        unit = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        if spec.distinct:
            order = torch.randperm(unit.numel(), generator=self.generator).reshape(unit.shape)
            unit = (order + 0.25 + 0.5 * unit) / unit.numel()
        values = spec.low + (spec.high - spec.low) * (0.02 + 0.96 * unit)
        for kink in spec.kinks:
            away = torch.where(values < kink, kink - 0.05, kink + 0.05)
            values = torch.where((values - kink).abs() < 0.05, away, values)
        if spec.diagonal:
            values = values + spec.diagonal * torch.eye(*shape[-2:], dtype=torch.float64)
        return values.round(decimals=3)
