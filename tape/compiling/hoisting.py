"""What depends on some of the arguments alone, as a program of its own: it runs once where the rest runs many times."""

from collections.abc import Collection
from dataclasses import replace

from tape.compiling.line import Line, Operation, View, buffers_in
from tape.compiling.simplifying import equal_once, without_copies, without_unread

__all__ = ["hoisted"]


def hoisted(line: Line, staying: Collection[int], count: int) -> tuple[Line, Line]:
    """A program of `count` arguments as two.

    The first takes the same arguments, reads those of the numbers in `staying` alone, and returns a list of tensors.
    The second takes these behind the arguments, and returns what the whole program does. What draws random numbers, or
    is changed after it was made, stays in the second.

    >>> import torch
    >>> from tape.compiling.noting import note
    >>> line, _ = note(lambda leaves: leaves[0].exp() * leaves[1], [torch.zeros(2), torch.zeros(2)])
    >>> first, second = hoisted(line, [0], 2)
    >>> str(first.operations[0]), str(second.operations[0])
    ('%2 float32[2] = aten.exp.default(%0 float32[2])', '%3 float32[2] = aten.mul.Tensor(%2 float32[2], %1 float32[2])')
    """
    line = equal_once(without_copies(line))  # else a copy of an argument would be handed over
    late = {i for i, buffer in line.buffers.items() if buffer.argument is not None and buffer.argument not in staying}
    late |= {buffer for operation in line.operations for buffer in operation.written}
    early: list[Operation] = []
    rest: list[Operation] = []
    made: dict[int, View] = {}
    for operation in line.operations:
        if _is_early(operation, line, late):
            early.append(operation)
            made |= {view.buffer: view for view in operation.made}
        else:
            rest.append(operation)
            late |= {view.buffer for view in operation.made}
    needed = {*buffers_in([line.result, *((operation.args, operation.kwargs) for operation in rest)])}
    handed = {buffer: view for buffer, view in made.items() if buffer in needed}
    arguments = {
        buffer: replace(line.buffers[buffer], argument=count + place, whole=view)
        for place, (buffer, view) in enumerate(handed.items())
    }
    first = replace(line, operations=tuple(early), result=list(handed.values()))
    second = replace(line, operations=tuple(rest), buffers={**line.buffers, **arguments})
    return without_unread(first), without_unread(second)


def _is_early(operation: Operation, line: Line, late: set[int]) -> bool:
    fresh = all(
        view.buffer not in late and replace(view, offset=0, conj=False, neg=False) == view and _fills(view, line)
        for view in operation.made
    )
    read = buffers_in((operation.args, operation.kwargs))
    return bool(operation.made) and fresh and late.isdisjoint(read) and not operation.random and not operation.written


def _fills(view: View, line: Line) -> bool:
    return line.buffers[view.buffer].bytes == view.bytes
