"""Programs of registered primitives: straight-line code as data, to run, to shrink and to print."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape.core.registry import registry

__all__ = ["Call", "Name", "Program", "names_in", "renamed", "run_step"]


class Name(str):
    """Stands for a value of the program among the arguments of a step."""

    __slots__ = ()


class Call(NamedTuple):
    """One step: `target = op(*args, **kwargs)`, or one part of it where the op has several outputs."""

    target: Name
    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    part: int | None = None


@dataclass(frozen=True)
class Program:
    """Inputs, steps in order, and the names of the outputs."""

    inputs: dict[Name, Tensor]
    steps: tuple[Call, ...]
    outputs: tuple[Name, ...]

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        """The outputs; runs on tensors and on traced values."""
        values = self.values(*inputs)
        return tuple(values[name] for name in self.outputs)

    def values(self, *inputs: Any) -> dict[Name, Any]:
        """Every value of a run by its name."""
        values: dict[Name, Any] = dict(zip(self.inputs, inputs, strict=True))
        for step in self.steps:
            values[step.target] = run_step(step, values)
        return values

    def pruned(self) -> "Program":
        """Without the steps and inputs that no output needs."""
        needed = set(self.outputs)
        steps: list[Call] = []
        for step in reversed(self.steps):
            if step.target in needed:
                steps.append(step)
                needed |= names_in((step.args, step.kwargs))
        inputs = {name: x for name, x in self.inputs.items() if name in needed}
        return replace(self, inputs=inputs, steps=tuple(reversed(steps)))

    def __str__(self) -> str:
        """Python code that defines `program` and `inputs`."""
        lines = [
            "import torch",
            "",
            "import tape",
            "",
            "op = {name: primitive for name, (primitive, _) in tape.registry.items()}",
            "",
            "",
            f"def program({', '.join(self.inputs)}):",
        ]
        for step in self.steps:
            arguments = [_show(arg) for arg in step.args] + [f"{k}={_show(v)}" for k, v in step.kwargs.items()]
            part = "" if step.part is None else f"[{step.part}]"
            lines.append(f'    {step.target} = op["{step.op}"]({", ".join(arguments)}){part}')
        lines += [
            f"    return ({', '.join(self.outputs)},)",
            "",
            "",
            "inputs = [",
            *(f"    {_show(x)},  # {name}" for name, x in self.inputs.items()),
            "]",
        ]
        return "\n".join(lines)


def run_step(step: Call, values: dict[Name, Any]) -> Any:
    """The value of a step, given those before it."""
    primitive, _ = registry[step.op]
    args, kwargs = renamed((step.args, step.kwargs), values)
    result = primitive(*args, **kwargs)
    return result if step.part is None else result[step.part]


def renamed(arguments: Any, values: dict[Name, Any]) -> Any:
    """The arguments with values in place of the names that have one."""
    if isinstance(arguments, Name):
        return values.get(arguments, arguments)
    if isinstance(arguments, dict):
        return {key: renamed(value, values) for key, value in arguments.items()}
    if type(arguments) in (tuple, list):
        return type(arguments)(renamed(value, values) for value in arguments)
    return arguments


def names_in(arguments: Any) -> set[Name]:
    """The names of values among some arguments."""
    if isinstance(arguments, Name):
        return {arguments}
    parts: Sequence[Any] = ()
    if isinstance(arguments, dict):
        parts = tuple(arguments.values())
    elif type(arguments) in (tuple, list):
        parts = arguments
    return set().union(*(names_in(part) for part in parts))


def _show(x: Any) -> str:
    """An argument as Python code."""
    if isinstance(x, Name):
        return str(x)
    if isinstance(x, Tensor):
        if x.numel() == 0:
            return f"torch.zeros({tuple(x.shape)}, dtype={x.dtype})"
        return f"torch.tensor({x.tolist()}, dtype={x.dtype})"
    if isinstance(x, torch.Size):
        return str(tuple(x))
    if type(x) in (tuple, list):
        inner = ", ".join(_show(part) for part in x)
        return f"[{inner}]" if isinstance(x, list) else f"({inner},)" if len(x) == 1 else f"({inner})"
    return repr(x)
