"""Noting a function: it runs once on copies of its arguments, and every operation that torch carries out is noted,
below all levels of derivatives."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tape import tree
from tape.compiling.line import Buffer, Given, Line, Operation, View, buffers_in, views_in
from tape.core.observing import here
from tape.core.traced import Traced
from tape.errors import TapeError

__all__ = ["note"]


def note(f: Callable[[list[Any]], Any], leaves: Sequence[Any]) -> tuple[Line, Any]:
    """The operations of `f` at some leaves, and what it returns.

    Raises TapeError, with the caller's line, for what is no straight line: a number that is read out of a tensor that
    depends on the leaves, an output whose shape depends on values, a change of an argument.
    """
    noter = _Noter({_generator(leaf): i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Generator)})
    given = [noter.argument(i, leaf) if isinstance(leaf, Tensor) else leaf for i, leaf in enumerate(leaves)]
    with noter, _Reading(noter):
        out = f(given)
    for leaf in tree.leaves(out):
        if type(leaf) is Traced:
            raise TapeError(
                "compile: a traced value is closed over, whose derivative would be lost; pass it as an argument"
            )
        if isinstance(leaf, Tensor) and leaf.requires_grad:
            raise TapeError(
                "compile: a result requires grad by torch's autograd, whose derivative would be lost; call it under "
                "torch.no_grad(), or pass x.detach()"
            )
    return noter.line(out), out


class _Noter(TorchDispatchMode):
    """Notes operations. A buffer is known by its storage, of which so much is kept that no other takes its address; its
    numbers are freed as the function frees them, but for those that are made once."""

    def __init__(self, generators: dict[int, int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.generators = generators  # those among the arguments, by what stands behind them
        self.buffers: dict[int, Buffer] = {}
        self.known: dict[int, int] = {}  # the buffers' numbers by their storages
        self.addresses: list[StorageWeakRef] = []
        self.kept: list[Tensor] = []  # what does not vary
        self.operations: list[Operation] = []
        self.varying: set[int] = set()  # the buffers whose numbers may be others at another call
        self.paused = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would import its compiler, which takes seconds, to say that this is not for it

    def argument(self, i: int, leaf: Tensor) -> Tensor:
        _storage(leaf)  # there is one
        copy = leaf.detach().resolve_conj().resolve_neg().clone().requires_grad_(leaf.requires_grad)
        whole = View(len(self.buffers), tuple(copy.shape), copy.stride(), 0, copy.dtype)
        self.varying.add(self._enter(copy, Buffer(whole.bytes, copy.device, argument=i, whole=whole)))
        return copy

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        if func is torch.ops.aten.lift_fresh.default and _storage(args[0]) not in self.known:
            self._constant(args[0])
        noted_args, noted_kwargs = tree.map(self._noted, (args, kwargs))
        buffers = set(buffers_in((noted_args, noted_kwargs)))
        varying = bool(buffers & self.varying) or torch.Tag.nondeterministic_seeded in func.tags
        if _depends_on_values(func) and self.varying & set(buffers_in(_deciding(func, noted_args, noted_kwargs))):
            raise _not_straight(func)
        written = frozenset(_written(func, noted_args, noted_kwargs))
        for buffer in written:
            if self.buffers[buffer].argument is not None:
                raise TapeError(
                    f"compile: an argument is changed in place by {_name(func)}, at {here()}; change x.clone() instead"
                )
        if func.overloadpacket in _RESIZING:
            raise _resized(func)
        if torch.Tag.inplace_view in func.tags:  # no number changes: what follows meets the tensor in its new shape
            return func(*args, **kwargs)
        result = func(*args, **kwargs)
        if written:
            noted_args, noted_kwargs = self._after(func, (args, kwargs), (noted_args, noted_kwargs))
        outputs = tuple(self._output(x, varying) for x in tree.leaves(result))
        made = {view.buffer for view in outputs if view is not None} - buffers
        if made or written:
            if varying:
                self.varying |= made | written
            self.operations.append(Operation(func, noted_args, noted_kwargs, outputs, written, here()))
        return result

    def varies(self, x: Tensor) -> bool:
        """Whether a tensor may have other numbers at another call."""
        place = self.known.get(_storage(x))
        return place is None or place in self.varying

    def line(self, out: Any) -> Line:
        result = tree.map(self._noted, out)
        changing = self.varying.union(*(operation.written for operation in self.operations))
        once = {view.buffer for o in self.operations for view in o.made if view.buffer not in changing}
        tensors = {buffer: x for x in self.kept if (buffer := self.known[_storage(x)]) in once}
        buffers = {
            i: Buffer(buffer.bytes, buffer.device, tensor=tensors[i]) if i in once else buffer
            for i, buffer in self.buffers.items()
        }
        left = tuple(o for o in self.operations if not o.made or any(view.buffer not in once for view in o.made))
        return Line(buffers, left, result)

    def _noted(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            place = self.generators.get(_generator(leaf)) if isinstance(leaf, torch.Generator) else None
            return leaf if place is None else Given(place)
        if _storage(leaf) not in self.known:
            there = Buffer(leaf.untyped_storage().nbytes(), leaf.device, tensor=leaf)
            self.varying.add(self._enter(leaf, there))
        return self._view(leaf)

    def _output(self, x: Any, varying: bool) -> View | None:
        if not isinstance(x, Tensor):
            return None
        if _storage(x) not in self.known:
            self._enter(x, Buffer(x.untyped_storage().nbytes(), x.device))
            if not varying:
                self.kept.append(x)
        return self._view(x)

    def _constant(self, x: Tensor) -> None:
        """A tensor that is written down: a copy of its numbers, as each call begins with these, whatever it changes."""
        numbers = x.clone()
        self._enter(numbers, Buffer(numbers.untyped_storage().nbytes(), numbers.device, tensor=numbers))
        copied = Operation(_CLONE, (self._view(numbers),), {}, (self._output(x, False),), frozenset(), here())
        self.operations.append(copied)

    def _enter(self, x: Tensor, buffer: Buffer) -> int:
        number = len(self.buffers)
        self.buffers[number] = buffer
        self.known[_storage(x)] = number
        self.addresses.append(StorageWeakRef(x.untyped_storage()))
        return number

    def _after(self, func: Any, given: Any, before: Any) -> Any:
        """The arguments of an operation that has written in some. An `out` that did not fit has another shape now, and
        maybe more memory."""
        after = tree.map(self._noted, given)
        if after != before:
            if not any(argument.is_out for argument in func._schema.arguments):
                raise _resized(func)
            for x in tree.leaves(given):
                if isinstance(x, Tensor):
                    number = self.known[_storage(x)]
                    self.buffers[number] = replace(self.buffers[number], bytes=x.untyped_storage().nbytes())
        return after

    def _view(self, x: Tensor) -> View:
        start = int(x.storage_offset())
        return View(self.known[_storage(x)], tuple(x.shape), x.stride(), start, x.dtype, x.is_conj(), x.is_neg())


class _Reading(TorchFunctionMode):
    """Lets tensors be printed, and refuses what reads their numbers without an operation."""

    def __init__(self, noter: _Noter) -> None:
        super().__init__()
        self.noter = noter

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function in _PRINTING:
            with self._paused():
                return function(*args, **(kwargs or {}))
        if function in _BYPASSING and self.noter.varies(args[0]):
            raise TapeError(
                f"compile: Tensor.{function.__name__} reads numbers out of a tensor, at {here()}, which the next call "
                "would not do again; leave it outside the compiled function"
            )
        if any(kind is Traced for kind in types):  # what is done to its plain tensor is looked at too
            with self:
                return Traced.__torch_function__(function, types, args, kwargs)
        return function(*args, **(kwargs or {}))

    @contextmanager
    def _paused(self) -> Any:
        before, self.noter.paused = self.noter.paused, True
        try:
            yield
        finally:
            self.noter.paused = before


_CLONE = torch.ops.aten.clone.default
_RESIZING = {torch.ops.aten.resize_, torch.ops.aten.resize_as_, torch.ops.aten.set_}
_PRINTING = {Tensor.__repr__, Tensor.__format__}
_BYPASSING = {Tensor.tolist, Tensor.numpy, Tensor.__array__}


def _depends_on_values(func: Any) -> bool:
    """Whether what an operation returns is no tensor, or may have a shape that its arguments' shapes do not tell."""
    return (
        func is torch.ops.aten.index.Tensor
        or torch.Tag.data_dependent_output in func.tags
        or torch.Tag.dynamic_output_shape in func.tags
    )


def _deciding(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The arguments whose values decide about the shape."""
    if func is torch.ops.aten.index.Tensor:
        return [x for x in views_in(args[1]) if x.dtype in (torch.bool, torch.uint8)]
    if func is torch.ops.aten.masked_select.default:
        return args[1]
    if func is torch.ops.aten._ctc_loss.default:  # its lengths are numbers
        return None
    return args, kwargs


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> set[int]:
    """The buffers that an operation changes, by its schema, or in spite of it."""
    if func is torch.ops.aten.native_batch_norm.default and args[5]:  # the running mean and variance, in training
        return set(buffers_in(args[3:5]))
    written: set[int] = set()
    for place, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[place] if place < len(args) else kwargs.get(argument.name)
            written |= set(buffers_in([value]))
    return written


def _storage(x: Tensor) -> int:
    if x.layout is not torch.strided:
        raise TapeError(
            f"compile: a tensor of {x.layout} at {here()}; programs are of dense tensors: write x.to_dense()"
        )
    return int(x.untyped_storage()._cdata)


def _generator(x: torch.Generator) -> int:
    """What stands behind a generator, of which torch makes a new object for each operation."""
    return int(x._cdata)  # type: ignore[attr-defined]


def _name(func: Any) -> str:
    return str(func).removeprefix("aten.").partition(".")[0]


def _resized(func: Any) -> TapeError:
    return TapeError(
        f"compile: {_name(func)} changes in place how much memory a tensor has, at {here()}; make a new tensor"
    )


def _not_straight(func: Any) -> TapeError:
    if torch.Tag.data_dependent_output in func.tags:
        return TapeError(
            f"compile: a number is read out of a tensor, or branched on, at {here()}; the next call could take another "
            "way: write torch.where, or leave it outside the compiled function"
        )
    return TapeError(
        f"compile: the shape of what {_name(func)} returns depends on values, at {here()}; write it with torch.where "
        "or a mask of fixed shape, or leave it outside the compiled function"
    )
