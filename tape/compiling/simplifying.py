"""Simplifications: functions from programs to programs. Results stay the same; calls or bytes become fewer."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from tape import tree
from tape.compiling.line import Line, Operation, View, buffers_in, views_in
from tape.compiling.planning import lifetimes

__all__ = ["equal_once", "in_place", "simplified", "without_copies", "without_unread"]

A = torch.ops.aten


def simplified(line: Line) -> Line:
    """The program after all of them."""
    for simplify in (without_copies, equal_once, without_unread, in_place):
        line = simplify(line)
    return line


def without_unread(line: Line) -> Line:
    """Leaves out what nobody reads. A tensor that is closed over may be read by anybody."""
    needed = set(buffers_in(line.result)) | {i for i, buffer in line.buffers.items() if not buffer.made}
    chosen: list[Operation] = []
    for operation in reversed(line.operations):
        made = {view.buffer for view in operation.made}
        written = operation.written if _writes(operation) else frozenset()
        if (made | written) & needed or operation.random:
            needed |= set(buffers_in((operation.args, operation.kwargs)))
            chosen.append(operation)
    return replace(line, operations=tuple(reversed(chosen)))


def _writes(operation: Operation) -> bool:
    """Whether any number is written where it writes: of a view without numbers none is."""
    given = views_in((operation.args, operation.kwargs))
    return any(all(view.shape) for view in given if view.buffer in operation.written)


def equal_once(line: Line) -> Line:
    """Does equal operations once: what the second would have made is what the first has made."""
    changed = _changed(line)
    seen: dict[Any, Operation] = {}
    same: dict[int, int] = {}
    operations = []
    for operation in line.operations:
        operation = _renamed(operation, same)
        key = _key(operation, changed)
        earlier = seen.get(key)
        if earlier is not None:
            same |= {b.buffer: a.buffer for a, b in zip(earlier.made, operation.made, strict=True)}
            continue
        if key is not None:
            seen[key] = operation
        operations.append(operation)
    return replace(line, operations=tuple(operations), result=_renamed_views(line.result, same))


def without_copies(line: Line) -> Line:
    """Leaves out a copy that nothing needs: neither it nor what it is a copy of changes afterwards, and it has the same
    layout."""
    changed = _changed(line)
    same: dict[int, View] = {}  # by the copy's buffer, what it is a copy of

    def resolved(view: View) -> View:
        source = same.get(view.buffer)
        return view if source is None else replace(view, buffer=source.buffer, offset=view.offset + source.offset)

    operations = []
    for operation in line.operations:
        operation = _mapped(operation, resolved)
        if _is_copy(operation):
            (copy,), source = operation.made, operation.args[0]
            if (
                not {copy.buffer, source.buffer} & changed
                and line.buffers[source.buffer].tensor is None
                and replace(copy, buffer=0) == replace(source, buffer=0, offset=0)
            ):
                same[copy.buffer] = source
                continue
        operations.append(operation)
    return replace(line, operations=tuple(operations), result=_views(resolved, line.result))


_COPIES = {A.clone.default, A._to_copy.default, A.lift_fresh_copy.default}


def _is_copy(operation: Operation) -> bool:
    """Whether it makes what it is given once more; padding by nothing does."""
    padded = operation.op is A.constant_pad_nd.default and not any(operation.args[1])
    return (padded or operation.op in _COPIES) and len(operation.made) == 1


def in_place(line: Line) -> Line:
    """Has an elementwise operation work in the memory of an argument that nobody needs afterwards."""
    last = {life.buffer: life.closes for life in lifetimes(line, line.buffers)}
    same: dict[int, int] = {}
    operations = []
    for time, operation in enumerate(line.operations):
        closes = {buffer for buffer in buffers_in((operation.args, operation.kwargs)) if last[buffer] == time}
        operation = _renamed(operation, same)
        dying = {same.get(buffer, buffer) for buffer in closes}
        place = _place_of(operation, line, dying)
        if place is not None:
            (made,) = operation.made
            same[made.buffer] = place.buffer
            operation = replace(operation, outputs=(place,), written=operation.written | {place.buffer})
        operations.append(operation)
    return replace(line, operations=tuple(operations), result=_renamed_views(line.result, same))


def _place_of(operation: Operation, line: Line, dying: set[int]) -> View | None:
    """The argument in whose memory what the operation makes may lie."""
    if torch.Tag.pointwise not in operation.op.tags or len(operation.outputs) != 1 or not operation.made:
        return None
    (made,) = operation.made
    uses = Counter(buffers_in((operation.args, operation.kwargs)))
    for view in views_in((operation.args, operation.kwargs)):
        buffer = line.buffers[view.buffer]
        if (
            view.buffer in dying
            and uses[view.buffer] == 1
            and buffer.made
            and replace(view, buffer=0) == replace(made, buffer=0)
            and buffer.bytes == made.bytes
        ):
            return view
    return None


def _changed(line: Line) -> set[int]:
    """The buffers that are written in after they were made."""
    return {buffer for operation in line.operations for buffer in operation.written}


def _key(operation: Operation, changed: set[int]) -> Any:
    """What is the same for operations that make the same; None if there is nothing of the kind."""
    if operation.random or changed & set(buffers_in((operation.args, operation.kwargs, operation.outputs))):
        return None
    leaves, structure = tree.flatten((operation.args, operation.kwargs))
    return operation.op, structure, tuple((type(leaf), repr(leaf) if type(leaf) is float else leaf) for leaf in leaves)


def _renamed(operation: Operation, same: dict[int, int]) -> Operation:
    written = frozenset(same.get(buffer, buffer) for buffer in operation.written)
    operation = replace(operation, written=written)
    return _mapped(operation, lambda view: replace(view, buffer=same.get(view.buffer, view.buffer)))


def _renamed_views(x: Any, same: dict[int, int]) -> Any:
    return _views(lambda view: replace(view, buffer=same.get(view.buffer, view.buffer)), x)


def _mapped(operation: Operation, f: Callable[[View], View]) -> Operation:
    args, kwargs = _views(f, (operation.args, operation.kwargs))
    outputs = tuple(None if view is None else f(view) for view in operation.outputs)
    return replace(operation, args=args, kwargs=kwargs, outputs=outputs)


def _views(f: Callable[[View], View], x: Any) -> Any:
    return tree.map(lambda leaf: f(leaf) if type(leaf) is View else leaf, x)
