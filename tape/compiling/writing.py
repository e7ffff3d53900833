"""Writing a program as the text that runs: one line an operation, its tensors by name.

Most tensors lie in memory that stays, and their views are worked out once, when the text is bound to an arena. Large
arguments are read where they lie, what has no variant that writes into given memory is made afresh, and results
belong to the caller: these are local variables of the text.
"""

from collections import Counter
from typing import Any, NamedTuple

import torch

from tape import tree
from tape.compiling.calls import Call, call_of
from tape.compiling.line import Given, Line, Operation, View, buffers_in, views_in
from tape.core.observing import Source

__all__ = ["Text", "write"]

SMALL = 4096  # bytes: a smaller argument is copied into the arena, so that its views are worked out once


class Text(NamedTuple):
    """A program as text, and what its names stand for."""

    source: str  # defines `run(*large arguments)`, which returns the tensors of the result
    functions: dict[str, Any]
    tensors: dict[str, View]  # in memory that stays
    large: tuple[int, ...]  # the leaves of the arguments that `run` takes
    generators: tuple[int, ...]  # and those that are generators, which it takes behind them
    small: dict[int, View]  # the leaves that are copied, and where to
    planned: frozenset[int]  # the buffers that need a place in the arena
    results: tuple[View, ...]


def write(line: Line) -> Text:
    """The text of a program."""
    calls = [(operation, call) for operation in line.operations if (call := call_of(operation)) is not None]
    results = tuple(dict.fromkeys(views_in(line.result)))
    local = _Local(line, calls, results)
    scope = _Scope(local)
    lines: list[str] = []
    before: Source | None = None
    ends = _ends(local, calls, results)
    for time, (operation, call) in enumerate(calls):
        lines += scope.prepared(operation, call)
        lines.append(_commented(scope.call(operation, call), operation, before))
        before = operation.source
        gone = [name for buffer in ends.get(time, ()) for name in scope.forget(buffer)]
        if gone:
            lines.append(" = ".join(gone) + " = None")
    returned: list[str] = []
    for view in results:
        lines += scope.local_view(view)
        returned.append(scope.name(view) if local.is_callers(view) else f"{scope.name(view)}.clone()")
    lines.append(f"return ({''.join(f'{x}, ' for x in returned)})")
    heads = ", ".join(f"x{i}" for i in (*local.large, *local.generators))
    source = "\n".join([f"def run({heads}):", *(f"    {text}" for text in lines)]) + "\n"
    small = {i: local.whole[i] for i in local.small}
    planned = frozenset(local.touched) - local.buffers
    planned = frozenset(buffer for buffer in planned if line.buffers[buffer].made)
    return Text(
        source, scope.functions, scope.tensors, tuple(local.large), tuple(local.generators), small, planned, results
    )


class _Local:
    """Which buffers are local variables of the text."""

    def __init__(self, line: Line, calls: list[tuple[Operation, Call]], results: tuple[View, ...]) -> None:
        self.line = line
        self.touched = set(buffers_in([line.result, *((o.args, o.kwargs, o.outputs) for o, _ in calls)]))
        arguments = {b.argument: n for n, b in line.buffers.items() if b.argument is not None and n in self.touched}
        self.small = [i for i, n in arguments.items() if line.buffers[n].bytes <= SMALL]
        self.large = [i for i in arguments if i not in set(self.small)]
        self.arguments = {arguments[i]: f"x{i}" for i in self.large}
        given = (leaf for o, _ in calls for leaf in tree.leaves((o.args, o.kwargs)) if type(leaf) is Given)
        self.generators = list(dict.fromkeys(x.leaf for x in given))
        self.whole = {i: whole for i, n in arguments.items() if (whole := line.buffers[n].whole) is not None}
        fleeting = {view.buffer for o, call in calls if call.into is None for view in o.made}
        shares = Counter(view.buffer for view in results)
        self.fresh = {  # whole results, which are made in memory of their own
            view.buffer: view
            for view in results
            if line.buffers[view.buffer].made
            and shares[view.buffer] == 1
            and view.buffer not in fleeting
            and line.buffers[view.buffer].bytes == view.bytes
            and view.offset == 0
            and not view.conj
            and not view.neg
        }
        self.callers = set(self.fresh) | {view.buffer for view in results if shares[view.buffer] == 1} & fleeting
        self.buffers = set(self.arguments) | fleeting | set(self.fresh)

    def is_callers(self, view: View) -> bool:
        """Whether a result needs no copy."""
        return view.buffer in self.callers and self.line.buffers[view.buffer].bytes == view.bytes


class _Scope:
    """The names of what the text uses."""

    def __init__(self, local: _Local) -> None:
        self.local = local
        self.functions: dict[str, Any] = {"as_strided": torch.as_strided, "empty_strided": torch.empty_strided}
        self.tensors: dict[str, View] = {}
        self.names: dict[View, str] = {}
        self.roots: dict[int, str] = dict(local.arguments)  # a local variable of each local buffer
        self.dtypes = {local.whole[i].buffer: local.whole[i].dtype for i in local.large}
        self.dtypes |= {buffer: view.dtype for buffer, view in local.fresh.items()}
        self.count = 0

    def prepared(self, operation: Operation, call: Call) -> list[str]:
        """The lines that make the local variables of a call."""
        return [line for view in views_in((call.into or (), call.args, call.kwargs)) for line in self.local_view(view)]

    def local_view(self, view: View) -> list[str]:
        """The lines that make a view, if it is a local variable and is not there yet."""
        if view.buffer not in self.local.buffers or view in self.names:
            return []
        lines = [] if view.buffer in self.roots else [self._allocated(view.buffer)]
        argument = self.local.line.buffers[view.buffer].argument
        root = self.roots[view.buffer]
        if argument is not None and view == self.local.whole[argument]:
            self.names[view] = root
        elif view not in self.names:
            name = self.names[view] = self._fresh_name("v")
            if view.is_plain(self.dtypes[view.buffer]):
                start = f"{root}.storage_offset() + {view.offset}" if argument is not None else str(view.offset)
                lines.append(f"{name} = as_strided({root}, {view.shape}, {view.stride}, {start})")
            else:
                start = f"{root}.storage_offset() * {root}.itemsize" if argument is not None else "0"
                lines.append(f"{name} = {self._constant(view.of)}({root}, {start})")
        return lines

    def _allocated(self, buffer: int) -> str:
        """The line that takes memory for a result."""
        whole = self.local.fresh[buffer]
        name = self.roots[buffer] = self.names[whole] = self._fresh_name("r")
        device = self.local.line.buffers[buffer].device
        where = "" if device.type == "cpu" else f", device={str(device)!r}"
        return f"{name} = empty_strided({whole.shape}, {whole.stride}, dtype={whole.dtype}{where})"

    def call(self, operation: Operation, call: Call) -> str:
        given = [self._shown(x) for x in call.args] + [f"{name}={self._shown(x)}" for name, x in call.kwargs.items()]
        text = f"{self._function(call.function)}({', '.join(given)})"
        if call.into is not None or not operation.made:
            return text
        made = []
        for view in operation.outputs:
            if view is None or view not in operation.made:
                made.append("_")
                continue
            name = self.names[view] = self._fresh_name("r")
            self.roots.setdefault(view.buffer, name)
            self.dtypes.setdefault(view.buffer, view.dtype)
            made.append(name)
        return f"{', '.join(made)}{',' if _is_tuple(operation) else ''} = {text}"

    def forget(self, buffer: int) -> list[str]:
        """The local variables that hold a buffer, which is not needed any more."""
        mine = [view for view in self.names if view.buffer == buffer]
        return list(dict.fromkeys(self.names.pop(view) for view in mine))

    def name(self, view: View) -> str:
        if view not in self.names:
            self.names[view] = self._fresh_name("t")
            self.tensors[self.names[view]] = view
        return self.names[view]

    def _fresh_name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def _shown(self, x: Any) -> str:
        if type(x) is View:
            return self.name(x)
        if type(x) is Given:
            return f"x{x.leaf}"
        if isinstance(x, (tuple, list)):
            return f"[{', '.join(map(self._shown, x))}]"
        if isinstance(x, (bool, int, str, type(None), torch.dtype)) or (
            isinstance(x, float) and x == x and abs(x) < 1e308
        ):
            return repr(x)
        return self._constant(x)

    def _constant(self, x: Any) -> str:
        name = f"c{len(self.functions)}"
        self.functions[name] = x
        return name

    def _function(self, function: Any) -> str:
        name = getattr(function, "__name__", "copied").replace(".", "_")
        while self.functions.setdefault(name, function) is not function:
            name += "_"
        return name


def _is_tuple(operation: Operation) -> bool:
    returns = operation.op._schema.returns
    return len(returns) > 1 or (len(returns) == 1 and "[]" in str(returns[0].type))


def _ends(local: _Local, calls: list[tuple[Operation, Call]], results: tuple[View, ...]) -> dict[int, list[int]]:
    """The local buffers by the call that is the last one to need them; arguments belong to the caller."""
    last: dict[int, int] = {}
    for time, (operation, _) in enumerate(calls):
        last |= dict.fromkeys(buffers_in((operation.args, operation.kwargs, operation.outputs)), time)
    kept = {view.buffer for view in results} | set(local.arguments)
    ends: dict[int, list[int]] = {}
    for buffer, time in last.items():
        if buffer in local.buffers and buffer not in kept:
            ends.setdefault(time, []).append(buffer)
    return ends


def _commented(text: str, operation: Operation, before: Source | None) -> str:
    """A line of the text, and where it comes from if that is another line than the last one's."""
    return text if operation.source in (None, before) else f"{text}  # {operation.source}"
