"""Running: a program's text bound to memory of its own, as often as calls run at once."""

import linecache
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tape.compiling.graphs import Captured, capture_device, gpu_of, stream_of
from tape.compiling.line import Line, View
from tape.compiling.planning import Plan, lifetimes, plan
from tape.compiling.writing import Text, write

__all__ = ["Program"]


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled function for arguments of one kind; prints as its operations, with the bytes of the arena at
    which what they make begins.

    `source` is the Python text that runs, `steps` says of how many operations, and `memory_bytes` is the arena that one
    call needs beside its arguments and results. On a GPU the text is captured as a CUDA graph, if all its tensors are
    there and nothing is drawn at random.
    """

    line: Line
    name: str
    _free: dict[int, list["_Arena"]] = field(default_factory=dict)  # by the stream that they are used on

    def __str__(self) -> str:
        places = {buffer: place for found in self.plans.values() for buffer, place in found.places.items()}
        return f"{self.line.listing(places)}\n{self.steps} operations in {self.memory_bytes:,} bytes"

    @property
    def source(self) -> str:
        return self.text.source

    @property
    def steps(self) -> int:
        return len(self.line.operations)

    @property
    def memory_bytes(self) -> int:
        return sum(found.bytes for found in self.plans.values())

    @cached_property
    def text(self) -> Text:
        return write(self.line)

    @cached_property
    def plans(self) -> dict[torch.device, Plan]:
        """A plan for each device."""
        planned: dict[torch.device, list[int]] = {}
        for buffer in sorted(self.text.planned):
            planned.setdefault(self.line.buffers[buffer].device, []).append(buffer)
        return {device: plan(lifetimes(self.line, buffers)) for device, buffers in planned.items()}

    @cached_property
    def gpu(self) -> torch.device | None:
        return gpu_of(self.line)

    def run(self, leaves: Sequence[Any]) -> list[Tensor]:
        """The tensors of the result, which belong to the caller. Calls at once each take an arena."""
        if self.gpu is not None and torch.cuda.is_current_stream_capturing():
            return _Arena(self).run(leaves)  # its memory is the user's graph's, for as long as that is there
        free = self._free.setdefault(stream_of(self.gpu), [])
        try:
            arena = free.pop()
        except IndexError:  # another thread may take the last one at any time
            arena = _Arena(self)
        try:
            return arena.run(leaves)
        finally:
            free.append(arena)

    def release(self) -> None:
        """Gives the memory back; a later call takes it again."""
        self._free.clear()


class _Arena:
    """Memory for one call at a time, and the text with its names bound to it."""

    def __init__(self, program: Program) -> None:
        line, text = program.line, program.text
        memory = {
            device: torch.empty(found.bytes, dtype=torch.uint8, device=device)
            for device, found in program.plans.items()
        }
        self.small = {i: _empty(view, line) for i, view in text.small.items()}
        copied = {view.buffer: self.small[i] for i, view in text.small.items()}

        def bound(view: View) -> Tensor:
            buffer = line.buffers[view.buffer]
            base = copied.get(view.buffer, buffer.tensor)
            if base is None:
                place = program.plans[buffer.device].places[view.buffer]
                return view.of(memory[buffer.device], place)
            return view.of(base)

        scope = {"torch": torch, **text.functions, **{name: bound(view) for name, view in text.tensors.items()}}
        file = f"<compiled {program.name}>"
        linecache.cache[file] = (len(text.source), None, text.source.splitlines(keepends=True), file)
        exec(compile(text.source, file, "exec"), scope)
        self.text: Callable[..., tuple[Tensor, ...]] = scope["run"]
        self.generators = text.generators
        self.captured: Captured | None = None
        self.capture_device = capture_device(line)
        self.large = [(i, line.buffers[_buffer_of(line, i)].whole) for i in text.large]

    def run(self, leaves: Sequence[Any]) -> list[Tensor]:
        with torch.no_grad():
            for i, place in self.small.items():
                place.copy_(leaves[i])
            large = [_laid_out(leaves[i], whole) for i, whole in self.large]
            if self.capture_device is None or torch.cuda.is_current_stream_capturing():
                return list(self.text(*large, *[leaves[i] for i in self.generators]))
            if self.captured is None:
                self.captured = Captured(self.text, large, self.capture_device)
            return self.captured.run(large)


def _buffer_of(line: Line, argument: int) -> int:
    return next(number for number, buffer in line.buffers.items() if buffer.argument == argument)


def _empty(view: View, line: Line) -> Tensor:
    return torch.empty_strided(view.shape, view.stride, dtype=view.dtype, device=line.buffers[view.buffer].device)


def _laid_out(x: Tensor, whole: View | None) -> Tensor:
    """An argument in the layout in which it was noted."""
    assert whole is not None
    if x.is_conj() or x.is_neg():
        x = x.resolve_conj().resolve_neg()
    if x.stride() == whole.stride:
        return x.detach() if x.requires_grad else x
    return torch.empty_strided(whole.shape, whole.stride, dtype=x.dtype, device=x.device).copy_(x)
