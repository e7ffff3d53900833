"""Shrinking a program: the smallest one found that still fails in the same way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tape.verify.fuzz.program import Name, Program

__all__ = ["shrink"]


def shrink(program: Program, fails: Callable[[Program], bool]) -> Program:
    """Simplifies `program` for as long as it `fails`.

    First one output is enough, then steps are cut: what a step computed becomes an input. A cut leaves every
    shape as it was, so the rest still runs. Then sizes shrink to 1, and numbers to ones with few digits.
    """

    def holds(candidate: Program) -> bool:
        try:
            with torch.no_grad():
                candidate(*candidate.inputs.values())
        except Exception:  # a size that no longer fits
            return False
        return fails(candidate)

    for simplify in (_fewer_outputs, _fewer_steps, _smaller_shapes, _rounder_numbers):
        simplified = True
        while simplified:
            simplified = False
            for candidate in simplify(program):
                if holds(candidate):
                    program, simplified = candidate, True
                    break
    return program


def _fewer_outputs(program: Program) -> Iterator[Program]:
    """One earlier value alone; else half of the outputs, else all but one."""
    for step in program.steps:
        if program.outputs != (step.target,):
            candidate = replace(program, outputs=(step.target,)).pruned()
            if len(candidate.steps) < len(program.steps):
                yield candidate
    outputs = program.outputs
    if len(outputs) > 1:
        half = len(outputs) // 2
        yield replace(program, outputs=outputs[:half]).pruned()
        yield replace(program, outputs=outputs[half:]).pruned()
        for i in range(len(outputs)):
            yield replace(program, outputs=outputs[:i] + outputs[i + 1 :]).pruned()


def _fewer_steps(program: Program) -> Iterator[Program]:
    """Cuts the program in front of a step, the latest first; then single steps."""
    values = _values(program)
    for end in range(len(program.steps), 0, -1):
        yield _cut(program, {step.target for step in program.steps[:end]}, values)
    for step in program.steps:
        yield _cut(program, {step.target}, values)


def _cut(program: Program, targets: set[Name], values: dict[Name, Any]) -> Program:
    """The steps of `targets` become inputs."""
    inputs = program.inputs | {name: values[name].detach().clone() for name in values if name in targets}
    steps = tuple(step for step in program.steps if step.target not in targets)
    outputs = tuple(name for name in program.outputs if name not in targets) or program.outputs
    return replace(program, inputs=inputs, steps=steps, outputs=outputs).pruned()


def _smaller_shapes(program: Program) -> Iterator[Program]:
    """Every dimension of one size at size 1 in all inputs, then single dimensions."""
    sizes = sorted({size for x in program.inputs.values() for size in x.shape if size > 1}, reverse=True)
    for size in sizes:
        yield _narrowed(program, lambda x, dim, size=size: x.shape[dim] == size)  # type: ignore[misc]
    for name in program.inputs:
        for dim in range(program.inputs[name].ndim):
            if program.inputs[name].shape[dim] > 1:
                only = program.inputs[name]
                yield _narrowed(program, lambda x, d, only=only, dim=dim: x is only and d == dim)  # type: ignore[misc]


def _narrowed(program: Program, which: Callable[[Tensor, int], bool]) -> Program:
    inputs = {}
    for name, x in program.inputs.items():
        parts = tuple(slice(0, 1) if which(x, dim) else slice(None) for dim in range(x.ndim))
        inputs[name] = x[parts].clone()
    return replace(program, inputs=inputs)


def _rounder_numbers(program: Program) -> Iterator[Program]:
    """Inputs with one, then two digits after the point."""
    for name, x in program.inputs.items():
        for digits in (1, 2):
            rounded = x.round(decimals=digits)
            if x.equal(rounded):
                break
            yield replace(program, inputs=program.inputs | {name: rounded})


def _values(program: Program) -> dict[Name, Any]:
    with torch.no_grad():
        return program.values(*program.inputs.values())
