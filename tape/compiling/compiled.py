"""A function as a program: run once and noted, then run again as a straight line in planned memory."""

import functools
import threading
import warnings
from collections.abc import Callable, Collection
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

from torch import Tensor

from tape import tree
from tape.compiling.hoisting import hoisted
from tape.compiling.kinds import difference, is_inside, is_watched, kind_of
from tape.compiling.line import Line, View
from tape.compiling.noting import note
from tape.compiling.running import Program
from tape.compiling.simplifying import simplified

__all__ = ["Compiled", "compile"]

KINDS = 32  # programs that are kept; the one that was made first goes first
MANY = 8  # kinds after which a function is said to meet new ones all the time

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compile(f: Callable[_P, _R]) -> "Compiled[_P, _R]":
    """The same function, run as a program: one straight line of operations in planned memory.

    The first call with arguments of a kind runs `f` once and notes every operation that torch carries out, whole
    derivatives and optimizers included. A later call runs these operations alone: nothing is recorded, allocated or
    decided any more.

    Args:
        f: takes and returns pytrees of tensors and anything else. It must be pure, and a straight line: the same
            operations whatever numbers its tensors have.

    Returns:
        a function of the same arguments with the same results: the same bits where the same kernels run. Results are
        fresh tensors, which no later call changes, and which share memory with no argument.

    What makes a new kind, and so a new program: another structure, shape, dtype or device; another value of what is no
    tensor, a Python number too; another default dtype, grad mode or autocast. 32 programs are kept. A tensor that `f`
    closes over is read afresh at each call, so a change in place is seen; another tensor bound to its name is not, as
    in `jax.jit`. What `f` prints, or does to other Python values, it does at the first call of a kind alone. A
    `torch.Generator` among the arguments or closed over draws afresh at each call. What `f` has numpy or other threads
    compute is not noted, and stays as it was at the first call. Inside a transformation, under `torch.func.vmap` or in
    another compiled function `f` itself runs.

    Raises TapeError, with the line, for a branch on a value, `.item()`, an output whose shape depends on values and a
    change of an argument in place; TypeError for an argument that is no tensor and cannot be hashed.

    >>> import tape, torch
    >>> f = tape.compile(lambda x, y: (x @ y).relu().sum())
    >>> f(torch.ones(2, 3), torch.ones(3, 4)), f(torch.ones(2, 3), -torch.ones(3, 4))
    (tensor(24.), tensor(0.))
    """
    return Compiled(f)


class Compiled(Generic[_P, _R]):
    """A compiled function; made by `compile`.

    >>> import torch
    >>> compiled = compile(torch.sin)
    >>> compiled.program(torch.zeros(3)).steps
    1
    """

    def __init__(self, f: Callable[_P, _R]) -> None:
        functools.update_wrapper(self, f)
        self.function = f
        self.name = getattr(f, "__name__", repr(f))
        self._programs: dict[Any, _Known] = {}
        self._lock = threading.Lock()
        self._met = 0

    def __repr__(self) -> str:
        return f"<compiled {self.name}>"

    def __reduce__(self) -> Any:
        return compile, (self.function,)

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        leaves, treedef = tree.flatten((args, kwargs))
        if is_inside(leaves):
            return self.function(*args, **kwargs)
        return self._run(leaves, treedef)

    def detached(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """The call as a constant of whatever transformation runs: the program runs there too.

        >>> import tape, torch
        >>> square = compile(torch.square)
        >>> tape.grad(lambda x: x * square.detached(torch.tensor(3.0)))(torch.tensor(2.0))
        tensor(9.)
        """
        return self.function(*args, **kwargs) if is_watched() else self._run(*tree.flatten((args, kwargs)))

    def program(self, *args: _P.args, **kwargs: _P.kwargs) -> Program:
        """The program for arguments of a kind, as a value; it is noted if it was not yet.

        `print` shows its operations, `source` is the text that runs, `memory_bytes` and `steps` say how much it needs
        and does.

        >>> import torch
        >>> compile(lambda x: 2 * x + 1).program(torch.zeros(3)).steps
        2
        """
        leaves, treedef = tree.flatten((args, kwargs))
        return (self._found(leaves, treedef) or self._first(leaves, treedef)[0]).program

    def prepared(self, staying: Collection[int], *args: _P.args, **kwargs: _P.kwargs) -> Callable[_P, _R]:
        """The function for calls of the same kind in which the leaves of these numbers stay the same tensors.

        What depends on these alone is computed here, once. Like `detached`, it makes constants.

        >>> import torch
        >>> w, x = torch.tensor(2.0), torch.tensor(3.0)
        >>> with_w = compile(lambda w, x: x * w.exp2()).prepared([0], w, x)
        >>> with_w(w, x)
        tensor(12.)
        """
        if is_watched():
            return self.function
        leaves, treedef = tree.flatten((args, kwargs))
        first, rest = (self._found(leaves, treedef) or self._first(leaves, treedef)[0]).divided(staying, len(leaves))
        shared = first.run(leaves)

        def f(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            result: _R = rest.run([*tree.leaves((args, kwargs)), *shared])
            return result

        return f

    def release(self) -> None:
        """Gives the memory of all programs back; a later call takes it again.

        >>> import torch
        >>> compile(torch.sin).release()
        """
        for known in list(self._programs.values()):
            known.release()

    def _run(self, leaves: list[Any], treedef: tree.TreeDef) -> _R:
        known = self._found(leaves, treedef)
        result: _R = self._first(leaves, treedef)[1] if known is None else known.returning.run(leaves)
        return result

    def _first(self, leaves: list[Any], treedef: tree.TreeDef) -> "tuple[_Known, Any]":
        """Runs the function, noted: its program, and what it returned."""

        def of_leaves(values: list[Any]) -> Any:
            args, kwargs = tree.unflatten(treedef, values)
            return self.function(*args, **kwargs)

        noted, out = note(of_leaves, leaves)
        known = _Known(noted, self.name)
        self._keep(kind_of(leaves, treedef), known, treedef)
        return known, tree.map(lambda x: x.clone() if isinstance(x, Tensor) else x, out)

    def _keep(self, kind: Any, known: "_Known", treedef: tree.TreeDef) -> None:
        with self._lock:  # nothing of the user's runs while it is held
            before = next(reversed(self._programs), None)
            self._programs[kind] = known
            self._met += 1
            if len(self._programs) > KINDS:
                del self._programs[next(iter(self._programs))]
            many = self._met == MANY
        if many:
            paths = tree.paths(tree.unflatten(treedef, range(treedef.num_leaves)))
            warnings.warn(
                f"compile: {self.name} has met {MANY} kinds of arguments, and noted each anew; the last one differs in "
                f"{difference(before, kind, paths)}. Pass what changes as a tensor, or keep it out of the arguments",
                stacklevel=5,
            )

    def _found(self, leaves: list[Any], treedef: tree.TreeDef) -> "_Known | None":
        """The program for arguments of a kind, if there is one."""
        try:
            return self._programs.get(kind_of(leaves, treedef))
        except TypeError as error:
            raise TypeError(
                f"compile: {self.name} was given an argument that is no tensor and cannot be hashed ({error}), so that "
                "it cannot be told whether a program fits; pass a tensor, a number, a string, or a pytree of them"
            ) from None


class _Known:
    """What was noted for a kind of arguments, and the programs made of it."""

    def __init__(self, noted: Line, name: str) -> None:
        self.noted, self.name = noted, name
        self.returning = _Returning.of(noted, name)
        self._divided: dict[frozenset[int], tuple[Program, _Returning]] = {}

    @property
    def program(self) -> Program:
        return self.returning.program

    def divided(self, staying: Collection[int], count: int) -> "tuple[Program, _Returning]":
        """What depends on the leaves of these numbers alone, and the rest, as `hoisted` says."""
        key = frozenset(staying)
        if key not in self._divided:
            first, rest = hoisted(self.noted, key, count)
            self._divided[key] = Program(simplified(first), self.name), _Returning.of(rest, self.name)
        return self._divided[key]

    def release(self) -> None:
        self.program.release()
        for first, rest in list(self._divided.values()):
            first.release()
            rest.program.release()


class _Returning(NamedTuple):
    """A program, and where its tensors stand in what the function returns."""

    program: Program
    treedef: tree.TreeDef
    outputs: list[Any]
    places: list[int | None]

    @classmethod
    def of(cls, noted: Line, name: str) -> "_Returning":
        line = simplified(noted)
        outputs, treedef = tree.flatten(line.result)
        views = list(dict.fromkeys(leaf for leaf in outputs if type(leaf) is View))
        places = [views.index(leaf) if type(leaf) is View else None for leaf in outputs]
        return cls(Program(line, name), treedef, outputs, places)

    def run(self, leaves: list[Any]) -> Any:
        """What the function returns; what stands in several places of it shares memory with none of the others."""
        tensors = self.program.run(leaves)
        given: list[Tensor | None] = list(tensors)

        def taken(place: int) -> Tensor:
            x, given[place] = given[place], None
            return tensors[place].clone() if x is None else x

        pairs = zip(self.outputs, self.places, strict=True)
        return tree.unflatten(self.treedef, [x if place is None else taken(place) for x, place in pairs])
