"""A loss over a batch, worked on in microbatches: the same value and gradients from less memory at a time."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from functools import cache, partial, reduce, wraps
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from tape import tree
from tape.compiling.compiled import Compiled, compile
from tape.core.matching import described
from tape.core.one_step import innermost, one_step
from tape.core.running import stood_in
from tape.core.traced import Traced, raw
from tape.errors import TapeError
from tape.transforms.gradients import swept_at_once

__all__ = ["microbatch"]


def microbatch(loss: Callable[..., Any], size: int, reduction: str = "mean", threads: int = 1) -> Callable[..., Any]:
    """The same loss, worked on `size` entries of the batch at a time.

    Args:
        loss: takes `(params, *batch)` and returns a 0-d tensor that is a mean or a sum over the entries of the
            batch. `params` is any pytree. The tensors in `batch` that have as many rows as the first of them are
            cut; anything else goes to each microbatch whole.
        size: how many entries a microbatch has; the last one has what is left.
        reduction: "mean" or "sum": what the loss does with the entries.
        threads: how many microbatches are worked on at once. They share the cores that torch has. One alone is
            used where an outer transformation records too; under `torch.func.vmap`, ask for one.

    Returns:
        a function of the same arguments with the same value. Where it is differentiated, each microbatch is swept
        as soon as it has been recorded, so that memory is needed for one microbatch (of each thread) instead of
        the batch. The results differ from the loss's own by the rounding of sums alone, and are the same bits for
        the same size and threads.

    A loss that is compiled, `microbatch(compile(loss), size)`, has its microbatches run as one program, forwards and
    backwards, in each thread again and again.

    Raises ValueError for a size, a reduction or a number of threads that makes no sense; TapeError if the loss
    of a microbatch is not 0-d, or uses a traced value that is not among its arguments.

    >>> import tape
    >>> def loss(w, x):
    ...     return (x @ w).square().mean()
    >>> tape.grad(tape.microbatch(loss, size=2))(torch.ones(2), torch.arange(6.0).reshape(3, 2))
    tensor([30.6667, 40.6667])
    """
    if size < 1 or threads < 1:
        raise ValueError(f"microbatch: size and threads are at least 1, not {size} and {threads}")
    if reduction not in ("mean", "sum"):
        raise ValueError(f"microbatch: reduction is 'mean' or 'sum', not {reduction!r}")

    tile = compile(_swept) if isinstance(loss, Compiled) else None
    function = loss.function if isinstance(loss, Compiled) else loss

    @wraps(function)
    def in_microbatches(params: Any, *batch: Any) -> Any:
        leaves, treedef = tree.flatten((params, batch))
        leaves = [stood_in(leaf) for leaf in leaves]
        first = len(tree.leaves(params))
        count = next((len(x) for x in leaves[first:] if isinstance(raw(x), Tensor) and x.ndim), 0)
        if count <= size:
            return loss(params, *batch)
        tape = innermost(leaves)
        chosen = tuple(i for i, leaf in enumerate(leaves) if type(leaf) is Traced and leaf.tape is tape)
        cut = {i for i in range(first, len(leaves)) if _has_rows(leaves[i], count)}
        pieces = [slice(start, min(start + size, count)) for start in range(0, count, size)]

        whole = [i for i in range(len(leaves)) if i not in cut]
        rows = [i in cut for i in chosen]

        def forward(values: list[Any]) -> _Swept:
            outer = any(type(x) is Traced for x in values)

            def given(piece: slice) -> tuple[Any, ...]:
                weight = _rows(piece) / count if reduction == "mean" else 1.0
                return [x[piece] if i in cut else x for i, x in enumerate(values)], function, treedef, chosen, weight

            # A program's results are constants: where an outer level records too, the loss itself runs.
            like = {_rows(piece): piece for piece in pieces}
            run = {n: tile.prepared(whole, *given(like[n])) if tile and not outer else _swept for n in like}

            def part(piece: slice) -> _Swept:
                return run[_rows(piece)](*given(piece))

            def swept(share: Sequence[slice]) -> _Swept:
                return reduce(lambda one, other: _together(one, other, rows), map(part, share))

            parts = _in_threads([partial(swept, share) for share in _shares(pieces, 1 if outer else threads)])
            return reduce(lambda one, other: _together(one, other, rows), parts)

        return one_step("microbatch", leaves, forward, lambda gradients, g: [g[0] * x for x in gradients])

    return in_microbatches


_Swept = tuple[Any, list[Any]]  # a part of the loss, and its gradients in the chosen leaves


def _swept(
    leaves: list[Any], loss: Callable[..., Any], treedef: tree.TreeDef, chosen: Sequence[int], weight: float
) -> _Swept:
    """What one microbatch contributes."""

    def contribution(*inputs: Any) -> Any:
        filled = list(leaves)
        for i, x in zip(chosen, inputs, strict=True):
            filled[i] = x
        params, batch = tree.unflatten(treedef, filled)
        value = loss(params, *batch)
        if not isinstance(raw(value), Tensor) or value.shape != ():
            raise TapeError(f"microbatch: the loss returned {described(value)}; its result must be 0-d")
        return value * weight

    if not chosen:
        return contribution(), []
    return swept_at_once(contribution, tuple(leaves[i] for i in chosen))


def _together(one: _Swept, other: _Swept, rows: Sequence[bool]) -> _Swept:
    """What two parts contribute: gradients of rows one below the other, anything else added up."""

    def joined(x: Any, y: Any, rows: bool) -> Any:
        if rows:
            return torch.cat([x, y])
        return x.add_(y) if type(x) is Tensor else x + y  # what a pullback returns belongs to nobody else

    return one[0] + other[0], list(map(joined, one[1], other[1], rows))


def _shares(pieces: Sequence[slice], workers: int) -> list[Sequence[slice]]:
    """The pieces in as many runs as there are workers, of about equal lengths."""
    workers = min(workers, len(pieces))
    return [pieces[len(pieces) * k // workers : len(pieces) * (k + 1) // workers] for k in range(workers)]


def _rows(piece: slice) -> int:
    rows: int = piece.stop - piece.start
    return rows


def _has_rows(x: Any, count: int) -> bool:
    return isinstance(raw(x), Tensor) and x.ndim > 0 and len(x) == count


_in_one: ContextVar[bool] = ContextVar("in_one", default=False)  # whether this is one of several threads' jobs


def _in_threads(jobs: Sequence[Callable[[], _Swept]]) -> list[_Swept]:
    """The jobs' results, each job in its own thread, the first in this one, with its share of torch's cores."""
    noted = _get_current_dispatch_mode() is not None  # which sees one thread
    if (
        len(jobs) == 1 or noted or _in_one.get()
    ):  # a microbatch in a microbatch would wait for the thread that it runs in
        return [job() for job in jobs]
    token = _in_one.set(True)
    cores = torch.get_num_threads()
    share = max(1, cores // len(jobs))
    futures = [_threads(len(jobs) - 1, share).submit(copy_context().run, job) for job in jobs[1:]]
    torch.set_num_threads(share)
    try:
        first = jobs[0]()
        # A job that no thread has begun is done here: the threads may be busy with jobs that wait for this one.
        rest = zip(jobs[1:], futures, strict=True)
        return [first, *[job() if future.cancel() else future.result() for job, future in rest]]
    finally:
        wait([future for future in futures if not future.cancel()])
        torch.set_num_threads(cores)
        _in_one.reset(token)


@cache
def _threads(count: int, share: int) -> ThreadPoolExecutor:
    """Threads that stay, each with memory of its own to use again, and with its share of the cores."""
    return ThreadPoolExecutor(count, "microbatch", initializer=torch.set_num_threads, initargs=(share,))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # threads do not survive a fork
