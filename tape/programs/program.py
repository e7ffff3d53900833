"""The recorded program as a value: its listing, and its replay on other tensors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.sweep import version
from tape.core.tape import Like
from tape.core.traced import like, raw, raw_tree
from tape.errors import TapeError
from tape.programs.drawing import Node, to_dot, to_svg

__all__ = ["Number", "Program", "ProgramStep", "Replay", "numbers_in", "shown"]


@dataclass(frozen=True)
class Number:
    """Stands for a value of the program among arguments and results."""

    of: int


@dataclass(frozen=True)
class Replay:
    """What a step needs to run again; its numbers stand for the tensors that depend on the program's inputs."""

    run: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    version: int  # of the constants, which must not have changed in place


@dataclass(frozen=True)
class ProgramStep:
    """One step. Values are numbered in the order in which they were made."""

    op: str
    arguments: str  # as the listing shows them
    inputs: tuple[int, ...]
    outputs: dict[int, Like]
    kept: dict[str, int]  # what is kept for the rules: the bytes of each residual by its name
    recipes: dict[str, str]  # of these residuals how to make them is kept: the ops, the last one first
    recorded: bool  # whether it is a step of the tape; another has no derivative, and a later one depends on it
    source: str  # the caller's line, as "file:line  text"
    rules: tuple[str, ...]  # if a rule made the step, the op whose rule it is, and whose rule made that, ...
    flops: int
    replay: Replay = field(repr=False)


@dataclass(frozen=True)
class Program:
    """What a function recorded, in order; prints as text, and runs again when it is called.

    `residual_bytes` is how much memory the tape holds for the sweep: each storage counts once, however many
    residuals are views of it, and inputs of the function count if they are kept.
    """

    inputs: dict[int, Like]
    steps: tuple[ProgramStep, ...]
    residual_bytes: int
    names: dict[int, str]  # of the inputs
    arguments: tuple[Any, ...] = field(repr=False)  # with numbers in place of the inputs
    result: Any = field(repr=False)  # with numbers in place of the tensors that depend on the inputs

    @property
    def flops(self) -> int:
        """The arithmetic of the forward program, as an estimate: see `tape.programs.flops`."""
        return sum(step.flops for step in self.steps)

    def __str__(self) -> str:
        rows = [(_value(number, shape), f"  {self.names[number]}", "", "") for number, shape in self.inputs.items()]
        before = ""
        for step in self.steps:
            # A line's text is shown beside the first of its steps, its place beside each.
            line = step.source.partition("  ")[0] if step.source == before else step.source
            rows.append((*_row(step), "".join(f"in the rule of {op}, " for op in step.rules) + line))
            before = step.source
        columns = zip(*rows, strict=True)
        wide, call, note, _ = [max((len(cell) for cell in column if len(cell) <= 60), default=0) for column in columns]
        lines = [f"{a:<{wide}} {b:<{call}}  {c:<{note}}  {d}".rstrip() for a, b, c, d in rows]
        return "\n".join([*lines, f"returns {_text(self.result)}; {self._summary()}"])

    def _summary(self) -> str:
        return f"about {self.flops:,} flops; {self.residual_bytes:,} bytes are kept"

    def __call__(self, *args: Any) -> Any:
        """Runs the steps again on other tensors, and returns what the function returned.

        The results are bit for bit those of `vjp` on the same arguments, as long as the function takes no number out
        of a tensor, as `x.item()` and `if x > 0` do. Constants and random numbers are as they were recorded. Traced
        values pass through, so that a program can be differentiated.

        Raises TapeError for arguments of another structure, shape or dtype, or with other constants among them.

        >>> import tape, torch
        >>> program = tape.trace(lambda x: {"kept": torch.where(x > 1, x, 0.0)})(torch.tensor([1.0, 2.0]))
        >>> program(torch.tensor([5.0, -5.0]))
        {'kept': tensor([5., 0.])}
        """
        values = self._bound(args)

        def filled(x: Any) -> Any:
            return tree.map(lambda leaf: values[leaf.of] if type(leaf) is Number else leaf, x)

        for step in self.steps:
            again = step.replay
            if version((again.args, again.options)) != again.version:
                raise TapeError(f"a constant that {step.op} uses was changed in place after it was traced; trace again")
            given, options = filled((again.args, again.options))
            if not step.recorded:  # it has no derivative, and torch's own methods take no traced value
                given, options = raw_tree((given, options))
            made = [x for x in tree.leaves(again.run(*given, **options)) if _is_tensor(x)]
            values.update(zip(step.outputs, made, strict=True))
        return tree.map(lambda x: x.detach().clone() if isinstance(x, Tensor) else x, filled(self.result))

    def _bound(self, args: tuple[Any, ...]) -> dict[int, Any]:
        """The values of the inputs, checked."""
        leaves, structure = tree.flatten(args)
        expected, traced = tree.flatten(self.arguments)
        if structure != traced:
            raise TapeError(f"the program was traced with arguments {traced} and got {structure}")
        values = {}
        for value, known, path in zip(leaves, expected, tree.paths(args), strict=True):
            if type(known) is Number:
                if like(value) != self.inputs[known.of]:
                    was = _value(known.of, self.inputs[known.of])
                    raise TapeError(f"{self.names[known.of]} was {was} when the program was traced; trace again")
                values[known.of] = value.detach() if isinstance(value, Tensor) else value
            elif not _same(value, known):
                raise TapeError(f"argument {path} is a constant of the program and has another value; trace again")
        return values

    def to_dot(self) -> str:
        """The program as a graph in the language of Graphviz.

        >>> import tape, torch
        >>> print(tape.trace(torch.sin)(torch.ones(3)).to_dot())
        digraph program {
          node [shape=box, style="rounded,filled", fontname="Helvetica", fillcolor="#e8eef7"];
          n0 [label="argument 0\\nfloat32[3]", fillcolor="#fdf3dc"];
          n1 [label="sin\\nfloat32[3]"];
          n0 -> n1;
        }
        """
        return to_dot(list(self._nodes()))

    def to_svg(self) -> str:
        """The program as a drawing, in SVG: inputs above, each step below all that it uses."""
        return to_svg(list(self._nodes()))

    def _nodes(self) -> Iterator[Node]:
        made_by: dict[int, int] = {}
        for number, shape in self.inputs.items():
            made_by[number] = len(made_by)
            yield Node(self.names[number], _shape(shape), (), "input")
        for place, step in enumerate(self.steps, len(made_by)):
            shapes = ", ".join(map(_shape, step.outputs.values()))
            uses = tuple(dict.fromkeys(made_by[number] for number in step.inputs))
            yield Node(step.op, shapes, uses, "step" if step.recorded else "constant")
            made_by |= dict.fromkeys(step.outputs, place)


def numbers_in(*trees: Any) -> tuple[int, ...]:
    """The numbers among the leaves, each once."""
    return tuple(dict.fromkeys(leaf.of for leaf in tree.leaves(trees) if type(leaf) is Number))


def shown(names: Sequence[str], args: Sequence[Any], options: dict[str, Any], defaults: dict[str, Any]) -> str:
    """Arguments as the listing shows them: tensors and the operands of arithmetic bare, the rest by name, and nothing
    that is as it is by default."""
    parts = []
    for name, x in [*zip_longest(names, args, fillvalue=""), *options.items()]:
        if tree.leaves(x) and any(_is_tensor(leaf) or type(leaf) is Number for leaf in tree.leaves(x)):
            parts.append(_text(x))
        elif name not in defaults or type(x) is not type(defaults[name]) or x != defaults[name]:
            parts.append(_text(x) if len(name) < 2 else f"{name}={_text(x)}")
    return ", ".join(parts)


def _row(step: ProgramStep) -> tuple[str, str, str]:
    outputs = ", ".join(_value(number, shape) for number, shape in step.outputs.items())
    kept = ", ".join(
        f"{name}{f' by {step.recipes[name]}' if name in step.recipes else ''} {_bytes(size)}"
        for name, size in step.kept.items()
    )
    notes = f"keeps {kept}" if kept else "" if step.recorded else "not differentiated"
    return outputs, f"= {step.op}({step.arguments})", notes


def _bytes(size: int) -> str:
    return next((f"{size / unit:.4g} {name}" for unit, name in _UNITS if size >= 10 * unit), f"{size} B")


_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def _value(number: int, shape: Like) -> str:
    return f"%{number} {_shape(shape)}"


def _shape(x: Like | Tensor) -> str:
    return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"


def _text(x: Any) -> str:
    if type(x) is Number:
        return f"%{x.of}"
    if _is_tensor(x):
        return _shape(raw(x))
    if isinstance(x, slice):
        return ":".join("" if part is None else _text(part) for part in (x.start, x.stop)) + (
            "" if x.step is None else f":{_text(x.step)}"
        )
    if isinstance(x, dict):
        return "{" + ", ".join(f"{key!r}: {_text(value)}" for key, value in x.items()) + "}"
    if isinstance(x, (tuple, list)):
        inner = ", ".join(map(_text, x))
        if len(inner) > 60 and not numbers_in(x):
            inner = f"{len(x)} entries"
        return f"[{inner}]" if isinstance(x, list) else f"({inner}{',' * (len(x) == 1)})"
    return "..." if x is Ellipsis else str(x).removeprefix("torch.") if not isinstance(x, str) else repr(x)


def _is_tensor(x: Any) -> bool:
    return isinstance(raw(x), Tensor)


def _same(x: Any, y: Any) -> bool:
    if isinstance(raw(x), Tensor) and isinstance(raw(y), Tensor):
        return like(x) == like(y) and torch.equal(raw(x), raw(y))
    return type(x) is type(y) and bool(x == y)
