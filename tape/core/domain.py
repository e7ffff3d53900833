"""Domains: what a primitive may be called with, as plain data to draw its inputs from.

A case says how to call an op. It also says what holds outside the smooth: which derivative the op has at a kink or
a tie (`at`, which a registered op with either must declare), which calls it refuses (`refuses`), and which faults in
its rules make no difference (`equivalent`). `tape.verify` checks all of it.

Inputs are drawn in float64 and tried in float32 too. `real`, `integer` and `boolean` are the classes of those names,
for domains that read as text.
"""

from dataclasses import dataclass, field, replace
from typing import Any

__all__ = [
    "Boolean",
    "Case",
    "Convention",
    "Domain",
    "Integer",
    "Real",
    "Refusal",
    "Sizes",
    "boolean",
    "case",
    "convention",
    "integer",
    "real",
    "refusal",
]

Sizes = tuple[int, int]  # the smallest and the largest size of a dimension


@dataclass(frozen=True)
class Real:
    """A floating-point tensor.

    `shape` names its dimensions: "n k" is a matrix whose sizes are drawn, the same name having the same size
    everywhere in a case; a number is that size; "..." is any number of leading dimensions, drawn so that those
    of all arguments broadcast together. Entries lie between `low` and `high`, at a distance from each of
    `kinks`, and with `distinct` at a distance from each other; a registered op that has either must declare its
    derivative at one such point by `Case.at`. `diagonal` is added to the diagonal of the last two
    dimensions, so that a matrix is well-conditioned.

    The logarithm, away from its pole at 0:

    >>> import torch
    >>> from tape import verify
    >>> verify.check(torch.log, domain=case(real("n", low=0.5))).examples["vjp"] > 0
    True
    """

    shape: str = "..."
    low: float = -2.0
    high: float = 2.0
    kinks: tuple[float, ...] = ()
    distinct: bool = False
    diagonal: float = 0.0


@dataclass(frozen=True)
class Integer:
    """An int64 tensor of indices from 0, or with `negative` from -`below`, up to but not including `below`, a number or
    the name of a dimension. `shape` is as in `Real`.

    There is no index into a dimension of size 0: `sizes` of the case keeps it from being drawn.

    >>> from tape import verify
    >>> rows = case(real("n k"), integer("m", below="n"), sizes={"n": (1, 3)})
    >>> verify.check(lambda x, i: x[i], domain=rows, order=1).examples["integer inputs"] > 0
    True
    """

    shape: str
    below: str | int
    negative: bool = False


@dataclass(frozen=True)
class Boolean:
    """A tensor of truth values, of dtype bool. `shape` is as in `Real`.

    >>> import torch
    >>> from tape import verify
    >>> masked = case(real("n"), boolean("n"), 0.0)
    >>> verify.check(torch.masked_fill, domain=masked, order=1).examples["integer inputs"] > 0
    True
    """

    shape: str = "..."


@dataclass(frozen=True, eq=False)
class Convention:
    """The derivative that is declared where several would be right.

    At `args`, the pullback of `cotangent` is `gives`: a tuple of one value for each floating-point tensor among
    the arguments, in order; where there is only one, the value itself. Values are tensors, or numbers and nested
    lists of them; in `args` only where the case that it belongs to says `Real`, and tensors without a case.
    `cotangent` is ones if None; for an op of several outputs a tuple, None at integer outputs. `options` are the
    call's keywords.

    >>> Convention((0.0,), gives=0.0)
    Convention(args=(0.0,), gives=0.0, cotangent=None, options={})
    """

    args: tuple[Any, ...]
    gives: Any
    cotangent: Any = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Refusal:
    """A call that must raise `error`, with a message that contains `match`, recorded and not.

    >>> Refusal(IndexError, (), "out of range", {"dim": 2})
    Refusal(error=<class 'IndexError'>, args=(), match='out of range', options={'dim': 2})
    """

    error: type[Exception]
    args: tuple[Any, ...]
    match: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One way of calling: positional arguments, and for each option the values to choose from.

    An argument or option that is `Real`, `Integer` or `Boolean` is drawn, and so are the entries of a tuple or list
    with a `Real` among them; all else is passed as it is. `sizes` gives the smallest and the largest size of a
    dimension by its name, 0 and 3 where it says nothing. `at`, `refuses` and `equivalent` add to a case.

    >>> Case((real("n k"),), options={"dim": (0, 1)}, sizes={"n": (1, 4)}).refuses(IndexError, 0.0).refusals[0].args
    (0.0,)
    """

    args: tuple[Any, ...]
    options: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    sizes: dict[str, Sizes] = field(default_factory=dict)
    conventions: tuple[Convention, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    equivalents: dict[str, str] = field(default_factory=dict)

    def at(self, *args: Any, gives: Any, cotangent: Any = None, **options: Any) -> "Case":
        """This case with one more `Convention`. An op with kinks or ties cannot be registered without one.

        >>> case(real(kinks=(0.0,))).at(0.0, gives=0.0).conventions[0].gives
        0.0
        """
        return replace(self, conventions=(*self.conventions, Convention(args, gives, cotangent, options)))

    def refuses(self, error: type[Exception], *args: Any, match: str = "", **options: Any) -> "Case":
        """This case with one more `Refusal`.

        >>> case(real("n")).refuses(IndexError, 0.0, dim=2, match="out of range").refusals[0].options
        {'dim': 2}
        """
        return replace(self, refusals=(*self.refusals, Refusal(error, args, match, options)))

    def equivalent(self, mutant: str, because: str) -> "Case":
        """This case, declaring that a mutant of the op's rules is no fault, and why. A failure prints its name.

        >>> case(real("n")).equivalent("rule of x with y as a constant", because="y has whole numbers").equivalents
        {'rule of x with y as a constant': 'y has whole numbers'}
        """
        return replace(self, equivalents=self.equivalents | {mutant: because})


Domain = tuple[Case, ...]

real, integer, boolean = Real, Integer, Boolean


def case(*args: Any, sizes: dict[str, Sizes] | None = None, **options: Any) -> Case:
    """A `Case` with its options as keywords, each with the tuple of values to choose from.

    >>> case(Real("a b"), dim=(0, 1, -1)).options
    {'dim': (0, 1, -1)}
    """
    return Case(args, options, sizes or {})


def convention(*args: Any, gives: Any, cotangent: Any = None, **options: Any) -> Convention:
    """A `Convention` with its options as keywords.

    Torch's derivative of the absolute value at 0 is 0:

    >>> import torch
    >>> from tape import verify
    >>> at_zero = convention(torch.tensor(0.0), gives=0.0)
    >>> report = verify.check(torch.abs, torch.linspace(-1, 1, 3), kinks=[0.0], conventions=[at_zero])
    >>> report.examples["conventions"]
    1
    """
    return Convention(args, gives, cotangent, options)


def refusal(error: type[Exception], *args: Any, match: str = "", **options: Any) -> Refusal:
    """A `Refusal` with its options as keywords.

    >>> import torch
    >>> from tape import verify
    >>> no_such_dim = refusal(IndexError, torch.ones(2), dim=1, match="out of range")
    >>> verify.check(torch.sum, torch.ones(2), bad_inputs=[no_such_dim]).examples["bad inputs"]
    1
    """
    return Refusal(error, args, match, options)
