"""A look inside the tape: what a function records, and what is kept for its derivative."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tape import tree
from tape.recording import Like, Recipe, Step
from tape.traced import raw
from tape.transforms import record

__all__ = ["Program", "ProgramStep", "trace"]


@dataclass(frozen=True)
class ProgramStep:
    """One recorded step. Values are numbered in the order in which they were made."""

    op: str
    inputs: tuple[int, ...]
    outputs: dict[int, Like]
    kept: dict[str, int]  # what is kept for the rules: the bytes of each residual by its name


@dataclass(frozen=True)
class Program:
    """What a function recorded, in order; prints as text.

    `residual_bytes` is how much memory the tape holds for the sweep: each storage counts once, however many
    residuals are views of it, and inputs of the function count if they are kept.
    """

    inputs: dict[int, Like]
    steps: tuple[ProgramStep, ...]
    residual_bytes: int

    def __str__(self) -> str:
        lines = [f"{_value(slot, like)}  input" for slot, like in self.inputs.items()]
        for step in self.steps:
            outputs = ", ".join(_value(slot, like) for slot, like in step.outputs.items())
            kept = ", ".join(f"{name} {size} B" for name, size in step.kept.items())
            inputs = ", ".join(f"%{slot}" for slot in step.inputs)
            lines.append(f"{outputs} = {step.op}({inputs})" + (f"  keeps {kept}" if kept else ""))
        return "\n".join([*lines, f"{self.residual_bytes} bytes are kept"])


def trace(f: Callable[..., Any]) -> Callable[..., Program]:
    """The function that runs `f` and returns the program that it records, instead of its result.

    The program is recorded with respect to every floating-point tensor among the arguments, as by `vjp`.

    >>> import torch
    >>> print(trace(lambda x, y: (x @ y).sum())(torch.ones(2, 3), torch.ones(3, 4)))
    %0 float32[2, 3]  input
    %1 float32[3, 4]  input
    %2 float32[2, 4] = matmul(%0, %1)  keeps y 48 B, x 24 B
    %3 float32[] = sum(%2)
    72 bytes are kept
    """

    def traced(*args: Any) -> Program:
        tape, inputs = record(f, args)
        likes = tape.likes
        steps = tuple(_step(step, likes) for step in tape.steps)
        storages = {id_: size for step in tape.steps for id_, size in _storages(step.residuals)}
        return Program({slot: likes[slot] for slot in inputs}, steps, sum(storages.values()))

    return traced


def _step(step: Step, likes: list[Like]) -> ProgramStep:
    slots = [slot for slot in (step.output if type(step.output) is tuple else (step.output,)) if slot is not None]
    kept = {
        name: sum(dict(_storages([residual])).values())
        for name, residual in zip(step.plan.kept, step.residuals, strict=True)
    }
    return ProgramStep(
        step.primitive.name,
        tuple(slot for slot in tree.leaves(step.inputs)),
        {slot: likes[slot] for slot in slots},
        {name: size for name, size in kept.items() if size},
    )


def _storages(residuals: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """The storages behind some residuals, as pairs of an address and a number of bytes."""
    for residual in residuals:
        for leaf in residual.leaves() if type(residual) is Recipe else tree.leaves(residual):
            plain = raw(leaf)
            if isinstance(plain, Tensor):
                storage = plain.untyped_storage()
                yield storage.data_ptr(), storage.nbytes()


def _value(slot: int, like: Like) -> str:
    return f"%{slot} {str(like.dtype).removeprefix('torch.')}{list(like.shape)}"
