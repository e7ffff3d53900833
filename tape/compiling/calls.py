"""How an operation is written as a call: into memory that is given where it has such a variant, as it is otherwise.

A variant is tried once beside the operation itself, on the same numbers, and taken only if it gives the same bits.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tape import tree
from tape.compiling.line import Operation, View, views_in

__all__ = ["Call", "call_of"]

A = torch.ops.aten


class Call(NamedTuple):
    """What is called, with views in place of tensors; `into` has the outputs that it writes into, if it does."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    into: tuple[View, ...] | None


def call_of(operation: Operation) -> Call | None:
    """The call that carries out an operation; None if there is nothing to do."""
    op, args, kwargs = operation.op, operation.args, operation.kwargs
    targets = _targets(operation)
    if targets is None:
        return Call(_METHODS.get(op, op), args, kwargs, None)
    if op in _EMPTY:
        return None
    if len(targets) == 1:
        (target,) = targets
        if op in _COPY:
            return Call(Tensor.copy_, (target, args[0]), {}, targets)
        if op in _FILL:
            return Call(Tensor.fill_, (target, _FILL[op](*args)), {}, targets)
        if op is A.constant_pad_nd.default:
            return Call(_framed, _frame(target, *args), {}, targets)
    for variant in _variants(operation, targets):
        if _agrees(operation, variant):
            return variant
    if operation.written:
        return Call(partial(_copied, op), args, kwargs | {"into": targets[0]}, targets)
    return Call(op, args, kwargs, None)


def _copied(op: Any, *args: Any, into: Tensor, **kwargs: Any) -> None:
    into.copy_(op(*args, **kwargs))


def _targets(operation: Operation) -> tuple[View, ...] | None:
    """The outputs of an operation that makes new tensors; None for one that changes some, or whose shapes are found out
    when it runs."""
    op = operation.op
    if op._schema.is_mutable or operation.random or None in operation.outputs or not operation.outputs:
        return None
    masks = [view for view in views_in(operation.args[1:]) if view.dtype in (torch.bool, torch.uint8)]
    if torch.Tag.dynamic_output_shape in op.tags or (op is A.index.Tensor and masks):
        return None
    outputs = tuple(view for view in operation.outputs if view is not None)
    return outputs if len(operation.made) == (0 if operation.written else len(outputs)) else None


_EMPTY = {
    A.empty.memory_format,
    A.empty_strided.default,
    A.new_empty.default,
    A.new_empty_strided.default,
    A.empty_like.default,
}
_COPY = {A.clone.default, A._to_copy.default, A.lift_fresh_copy.default}
_FILL: dict[Any, Callable[..., Any]] = {
    A.zeros.default: lambda *_: 0,
    A.new_zeros.default: lambda *_: 0,
    A.zeros_like.default: lambda *_: 0,
    A.ones.default: lambda *_: 1,
    A.new_ones.default: lambda *_: 1,
    A.ones_like.default: lambda *_: 1,
    A.full.default: lambda _, value: value,
    A.full_like.default: lambda _, value: value,
    A.new_full.default: lambda _x, _, value: value,
}


def _frame(target: View, x: View, pad: Sequence[int], value: Any = 0) -> tuple[Any, ...]:
    """Of a padded tensor the part that comes from `x`, that part of `x`, the value around it and where that goes."""
    borders = []
    for dim, (low, high) in enumerate(zip(pad[::2], pad[1::2], strict=True), 1):
        dim = len(x.shape) - dim
        before, after = max(low, 0), max(high, 0)
        size = target.shape[dim] - before - after
        borders += [target.narrow(dim, 0, before)] * (before > 0)
        borders += [target.narrow(dim, before + size, after)] * (after > 0)
        target, x = target.narrow(dim, before, size), x.narrow(dim, max(-low, 0), size)
    return target, x, value, *borders


def _framed(inside: Tensor, x: Tensor, value: Any, *borders: Tensor) -> None:
    inside.copy_(x)
    for border in borders:
        border.fill_(value)


def _factored(a: Tensor, mode: str = "reduced", *, Q: Tensor, R: Tensor) -> None:
    """`linalg_qr` with outputs in one memory, which torch's takes for the same tensor."""
    q, r = torch.linalg.qr(a, mode)
    Q.copy_(q)
    R.copy_(r)


# A method costs less than the operation's own object.
_METHODS = {
    A.copy_.default: Tensor.copy_,
    A.add_.Tensor: Tensor.add_,
    A.sub_.Tensor: Tensor.sub_,
    A.mul_.Tensor: Tensor.mul_,
    A.div_.Tensor: Tensor.div_,
    A.fill_.Scalar: Tensor.fill_,
    A.zero_.default: Tensor.zero_,
    A.linalg_qr.out: _factored,
}


# What has a variant under another name alone: the function, and a last argument.
_RESPELLED: dict[Any, tuple[Any, Any]] = {
    A.relu.default: (torch.clamp_min, 0),
    A.sum.default: (torch.sum, ()),
}


_MODULES = ("special", "linalg")  # under other names these have functions that torch has under the same


def _variants(operation: Operation, targets: tuple[View, ...]) -> Iterator[Call]:
    op, args, kwargs = operation.op, operation.args, operation.kwargs
    name = op._schema.name.partition("::")[2]
    if op in _RESPELLED:
        function, more = _RESPELLED[op]
        yield Call(function, (*args, more), kwargs | {"out": targets[0]}, targets)
    module, _, short = name.partition("_")
    function = getattr(getattr(torch, module), short, None) if module in _MODULES else getattr(torch, name, None)
    if callable(function):
        yield Call(function, args, kwargs | {"out": targets[0] if len(targets) == 1 else targets}, targets)
    found = _out_overload(op)
    if found is not None:
        overload, names = found
        if len(names) == len(targets):
            yield Call(overload, args, kwargs | dict(zip(names, targets, strict=True)), targets)


@cache
def _out_overload(op: Any) -> tuple[Any, tuple[str, ...]] | None:
    """The overload that does the same into given tensors, and their names. One that torch generates only copies."""
    packet = op.overloadpacket
    wanted = [(a.name, str(a.type)) for a in op._schema.arguments]
    for name in packet.overloads():
        overload = getattr(packet, name)
        given = [(a.name, str(a.type)) for a in overload._schema.arguments if not a.is_out]
        outs = tuple(a.name for a in overload._schema.arguments if a.is_out)
        # Creation ops take a dtype that the given tensor has.
        if outs and given == wanted and torch.Tag.generated not in overload.tags:
            return overload, outs
    return None


_tried: dict[Any, bool] = {}  # whether a variant agrees, by what decides which kernel runs


def _agrees(operation: Operation, variant: Call) -> bool:
    leaves = tree.leaves((operation.args, operation.kwargs, variant.into))
    kinds = tuple(
        (x.dtype, len(x.shape), x.stride == _contiguous(x.shape)) if type(x) is View else _kind(x) for x in leaves
    )
    key = operation.op, str(variant.function), len(operation.args), tuple(sorted(operation.kwargs)), kinds
    if key not in _tried:
        _tried[key] = _same_bits(operation, variant)
    return _tried[key]


def _kind(x: Any) -> Any:
    return repr(x) if isinstance(x, (bool, str, torch.dtype, torch.device, type(None))) else type(x)


def _same_bits(operation: Operation, variant: Call) -> bool:
    """Tries both on small numbers of their own; the variant in one memory, as a program has it."""
    given = list(dict.fromkeys(views_in((operation.args, operation.kwargs))))
    numbers = {view: _numbers(view, seed) for seed, view in enumerate(given)}
    memory = _in_one_memory(numbers | {view: _numbers(view, 0) for view in variant.into or ()} | numbers)
    apart = {view: x.as_strided(view.shape, view.stride) for view, x in numbers.items()}
    try:
        args, kwargs = tree.map(lambda x: apart.get(x, x), (operation.args, operation.kwargs))
        wanted = [x for x in tree.leaves(operation.op(*args, **kwargs)) if isinstance(x, Tensor)]
        args, kwargs = tree.map(lambda x: memory.get(x, x), (variant.args, variant.kwargs))
        variant.function(*args, **kwargs)
    except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError):
        return False
    got = [memory[view] for view in variant.into or ()]
    return len(got) == len(wanted) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.stride() == y.stride() and _equal(x, y)
        for x, y in zip(got, wanted, strict=True)
    )


def _equal(x: Tensor, y: Tensor) -> bool:
    return (
        torch.equal(torch.nan_to_num(x, nan=0.5), torch.nan_to_num(y, nan=0.5)) if x.is_floating_point() else x.equal(y)
    )


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    sizes = [max(size, 1) for size in shape]
    return tuple(itertools.accumulate(reversed([*sizes[1:], 1]), int.__mul__))[::-1][: len(shape)] if shape else ()


def _numbers(view: View, seed: int) -> Tensor:
    """As many numbers as a view spans that are worth trying: positive ones up to 1, so that no operation is out of its
    domain, and where they are whole, zeros and ones, which are indices and counts too."""
    generator = torch.Generator().manual_seed(seed)
    count = view.bytes // view.dtype.itemsize
    if view.dtype.is_floating_point or view.dtype.is_complex:
        numbers = torch.rand(count, generator=generator)
    else:
        numbers = torch.randint(0, 2, (count,), generator=generator)
    return numbers.to(view.dtype)


def _in_one_memory(numbers: dict[View, Tensor]) -> dict[View, Tensor]:
    """Tensors that hold the numbers in one storage: there are kernels that take such for the same tensor."""
    starts = list(itertools.accumulate([-(-view.bytes // 64) * 64 for view in numbers], initial=0))
    arena = torch.empty(starts[-1], dtype=torch.uint8)
    made = {}
    for (view, x), start in zip(numbers.items(), starts, strict=False):
        arena[start : start + view.bytes].view(view.dtype).copy_(x)
        made[view] = replace(view, offset=0, conj=False, neg=False).of(arena, start)
    return made
