"""A look inside the tape: what a function records, what is kept for its derivative, and from which lines."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tape import tree
from tape.core.observing import Source, follow, here, observed
from tape.core.sweep import version
from tape.core.tape import Call, Recipe, Step, Tape
from tape.core.traced import Traced, like, raw
from tape.errors import TapeError
from tape.programs.flops import flops
from tape.programs.plain import CONSTANT, changed_in_place, torch_name
from tape.programs.program import Number, Program, ProgramStep, Replay, numbers_in, shown
from tape.transforms.gradients import record

__all__ = ["trace"]


def trace(f: Callable[..., Any]) -> Callable[..., Program]:
    """The function that runs `f` and returns the program that it records, instead of its result, as `jax.make_jaxpr`.

    The program is recorded with respect to every floating-point tensor among the arguments, as by `vjp`. It is a
    value: it prints as a listing, and `program(*args)` runs it again; `.to_dot()` and `.to_svg()` draw it,
    `.residual_bytes` is what the tape keeps for the sweep, and `.flops` estimates the arithmetic.

    >>> import torch
    >>> def f(x, y):
    ...     return (x @ y).sum(1)
    >>> print(trace(f)(torch.ones(2, 3), torch.ones(3, 4)))  # doctest: +ELLIPSIS
    %0 float32[2, 3]   argument 0
    %1 float32[3, 4]   argument 1
    %2 float32[2, 4] = matmul(%0, %1)  keeps y 48 B, x 24 B  <doctest ...trace[1]>:2  return (x @ y).sum(1)
    %3 float32[2]    = sum(%2, dim=1)                        <doctest ...trace[1]>:2
    returns %3; about 56 flops; 72 bytes are kept
    """

    def traced(*args: Any, **kwargs: Any) -> Program:
        leaves, structure = tree.flatten(args)
        distinct: list[Any] = []
        for x in leaves:  # a tensor that is passed twice becomes two inputs
            twice = _is_float(x) and any(raw(x) is raw(other) for other in distinct)
            distinct.append(torch.reshape(x, x.shape) if twice else x)
        recorder = _Recorder()

        def entered(*args: Any) -> Any:
            given = tree.leaves(args)
            recorder.enter([raw(x) for x, leaf in zip(given, distinct, strict=True) if _is_float(leaf)])
            recorder.arguments = tree.map(recorder.numbered, args)
            with recorder, observed(follow):
                out = f(*args, **kwargs)
            recorder.result = tree.map(recorder.numbered, out)
            return out

        tape = record(entered, tree.unflatten(structure, distinct), recorder.observe)
        names = [_name(path) for path, leaf in zip(tree.paths(args), leaves, strict=True) if _is_float(leaf)]
        return recorder.program(names, sum(dict(_storages(x for step in tape.steps for x in step.residuals)).values()))

    return traced


class _Noted(NamedTuple):
    """A call while it is recorded."""

    op: str
    names: tuple[str, ...]
    defaults: dict[str, Any]
    replay: Replay
    outputs: tuple[int, ...]
    source: Source | None
    step: Step | None  # of the tape; None for a call on plain tensors
    counted: bool  # whether it stands for an op and not for a whole function
    exact: bool  # whether running it again gives the same: not if it changed a tensor in place


class _Recorder(TorchFunctionMode):
    """Notes the steps of a tape, and the calls of torch on plain tensors that depend on the tape's inputs: a mask, an
    index, a value without its derivative. A tensor is known by its identity and kept, so that this stays its own."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, int] = {}  # the numbers of tensors by their identity
        self.tensors: list[Tensor] = []  # by their numbers
        self.changed: dict[int, int] = {}  # by storages that were changed in place, the number of who did
        self.noted: list[_Noted] = []
        self.arguments: Any = ()
        self.result: Any = None

    def enter(self, tensors: Iterable[Tensor]) -> tuple[int, ...]:
        """Gives tensors the next numbers."""
        first = len(self.tensors)
        for x in tensors:
            self.known[id(x)] = len(self.tensors)
            self.tensors.append(x)
        return tuple(range(first, len(self.tensors)))

    def numbered(self, leaf: Any) -> Any:
        plain = raw(leaf)
        if not isinstance(plain, Tensor):
            return leaf
        number = self.changed.get(_storage(plain)[0]) if self.changed else None
        number = self.known.get(id(plain)) if number is None else number
        return leaf if number is None else Number(number)

    def observe(self, _tape: Tape, step: Step, call: Call) -> Step:
        args, options = tree.map(self.numbered, (call.args, call.options))
        made = [raw(x) for x in tree.leaves(call.ans) if isinstance(raw(x), Tensor)]
        for x in made:
            self.changed.pop(_storage(x)[0], None)
        signature = getattr(step.primitive, "signature", None)
        defaults = {name: p.default for name, p in signature.parameters.items()} if signature else {}
        replay = Replay(call.run, args, options, version((args, options)))
        outputs = self.enter(made)
        op = step.primitive.name
        self.noted.append(_Noted(op, call.names, defaults, replay, outputs, here(), step, signature is not None, True))
        return step

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if any(kind is Traced for kind in types):
            with self:
                return Traced.__torch_function__(function, types, args, kwargs)
        given, options = tree.map(self.numbered, (args, kwargs))
        result = function(*args, **kwargs)
        if not numbers_in(given, options):
            return result
        name = torch_name(function)
        changes = changed_in_place(function, name, args, kwargs)
        made = [x for x in tree.leaves(result) if isinstance(x, Tensor)]
        if changes is not None:
            made = [changes]
        elif not made or any(id(x) in self.known for x in made) or name in CONSTANT:
            return result
        outputs = self.enter(made)
        if changes is not None:
            self.changed[_storage(changes)[0]] = outputs[0]
        replay = Replay(function, given, options, version((given, options)))
        self.noted.append(_Noted(name, (), {}, replay, outputs, here(), None, True, changes is None))
        return result

    def program(self, names: list[str], residual_bytes: int) -> Program:
        needed = set(numbers_in(self.result))
        chosen = []
        for noted in reversed(self.noted):
            if noted.step is not None or needed & set(noted.outputs):
                chosen.append(noted)
                needed |= set(numbers_in(noted.replay.args, noted.replay.options))
        order = [*range(len(names)), *(number for noted in reversed(chosen) for number in noted.outputs)]
        new = {number: place for place, number in enumerate(order)}

        def renumbered(x: Any) -> Any:
            return tree.map(lambda leaf: Number(new[leaf.of]) if type(leaf) is Number else leaf, x)

        def finished(noted: _Noted) -> ProgramStep:
            old = noted.replay
            replay = Replay(old.run, renumbered(old.args), renumbered(old.options), old.version)
            if not noted.exact:
                replay = Replay(partial(_refuse, noted.op, noted.source), (), {}, 0)
            outputs = {new[number]: like(self.tensors[number]) for number in noted.outputs}
            given = tree.map(lambda leaf: self.tensors[leaf.of] if type(leaf) is Number else leaf, old.args)
            kept, recipes = _kept(noted.step)
            return ProgramStep(
                op=noted.op,
                arguments=shown(noted.names, renumbered(old.args), renumbered(old.options), noted.defaults),
                inputs=numbers_in(renumbered(old.args), renumbered(old.options)),
                outputs=outputs,
                kept=kept,
                recipes=recipes,
                recorded=noted.step is not None,
                source="" if noted.source is None else str(noted.source),
                rules=() if noted.source is None else noted.source.rules,
                flops=flops(noted.op, given, list(outputs.values())) if noted.counted else 0,
                replay=replay,
            )

        inputs = {number: like(self.tensors[number]) for number in range(len(names))}
        steps = tuple(finished(noted) for noted in reversed(chosen))
        labels = dict(enumerate(names))
        return Program(inputs, steps, residual_bytes, labels, renumbered(self.arguments), renumbered(self.result))


def _refuse(op: str, source: Source | None, *_: Any) -> Any:
    raise TapeError(
        f"this program cannot run again: {op} changes in place a tensor that depends on the arguments, at {source}"
    )


def _kept(step: Step | None) -> tuple[dict[str, int], dict[str, str]]:
    """The bytes of each residual, and the recipes of those that are made again."""
    if step is None:
        return {}, {}
    sizes, recipes = {}, {}
    for name, residual in zip(step.plan.kept, step.residuals, strict=True):
        if size := sum(dict(_storages([residual])).values()):
            sizes[name] = size
            if type(residual) is Recipe:
                recipes[name] = _made_by(residual)
    return sizes, recipes


def _made_by(recipe: Recipe) -> str:
    inner = [_made_by(arg) for arg in recipe.args if type(arg) is Recipe]
    return " of ".join([recipe.primitive.name, *inner])


def _storages(residuals: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """The storages behind some residuals, as pairs of an address and a number of bytes."""
    for residual in residuals:
        for leaf in tree.leaves(residual):
            plain = raw(leaf)
            if isinstance(plain, Tensor):
                yield _storage(plain)


def _storage(x: Tensor) -> tuple[int, int]:
    storage = torch.func.debug_unwrap(x, recurse=True).untyped_storage()
    return storage.data_ptr(), storage.nbytes()


def _is_float(x: Any) -> bool:
    plain = raw(x)
    return isinstance(plain, Tensor) and plain.is_floating_point()


def _name(path: str) -> str:
    first, _, rest = path.partition(".")
    return f"argument {first} at {rest}" if rest else f"argument {first}"
