"""`check`: draws calls of a function and holds its derivative to the properties."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import hypothesis
import torch
from hypothesis import strategies as st
from torch import Tensor

from tape import tree
from tape.core.domain import Case, Convention, Domain, Real, Refusal
from tape.core.primitive import Primitive
from tape.transforms.gradients import vjp as tape_vjp
from tape.verify.declared import give_the_declared, raises_the_declared
from tape.verify.drawing import Sizing, away, calls_of, variations
from tape.verify.judge import Judge
from tape.verify.mutation import catches_its_mutants
from tape.verify.properties import PROPERTIES
from tape.verify.report import Report
from tape.verify.search import search
from tape.verify.subject import name_of
from tape.verify.trial import Call

__all__ = ["check"]

_SIZINGS: tuple[tuple[Sizing, float], ...] = (("any", 0.5), ("empty", 0.25), ("ones", 0.25))


def check(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    domain: Domain | Case | None = None,
    kinks: Sequence[float] | Mapping[float, float] = (),
    ties: bool = False,
    conventions: Sequence[Convention] = (),
    bad_inputs: Sequence[Refusal] = (),
    equivalents: Mapping[str, str] | None = None,
    deterministic: bool = True,
    tolerances: Mapping[str, float] | None = None,
    skip: Mapping[str, str] | None = None,
    examples: int | None = None,
    seed: int = 0,
    vjp: Callable[..., Any] = tape_vjp,
) -> Report:
    """Verifies the derivative of `f`, a function of tensors or pytrees, around one example of its arguments.

    >>> import torch
    >>> from tape import verify
    >>> report = verify.check(torch.sin, torch.tensor([0.5, 1.0]))
    >>> report.examples["vjp"] > 0 and "shapes" in report.skipped
    True

    Args:
        f: the function. It runs in float64, float32, float16 and bfloat16; static arguments go in by
            `functools.partial`.
        args: one example of its arguments. Its floating-point tensors get other numbers, between the smallest
            and the largest that each has here, or around the one that it has; all else stays as it is. Not needed
            where there is a domain.
        order: 1, or 2 to verify the pullback's own derivative too.
        domain: what `f` may be called with; then shapes vary as well. See `tape.verify.case`.
        kinks: numbers that no input comes near, because `f` is not smooth there. As a mapping it gives the
            derivative at each kink of an elementwise function of one tensor, and that is verified. A kink that is
            not declared is counted and named in the report, if the derivative there lies between the slopes around
            it; of one of the engine's own functions it is a violation.
        ties: whether `f` is not smooth where two numbers are equal; then no two are.
        conventions: the derivative at further kinks and ties, each a `verify.convention(...)`.
        bad_inputs: calls that must raise, each a `verify.refusal(...)`.
        equivalents: faults in a primitive's rules that make no difference, by name, each with the reason.
        deterministic: False if two runs may differ; then they agree to 1e-6, or to a given tolerance.
        tolerances: a relative tolerance for properties by name, in place of the usual one.
        skip: properties to leave out by name, each with the reason.
        examples: about how many calls are drawn; 12 for every hundred that hypothesis's profile asks for.
        seed: where the drawing starts; the same seed draws the same calls.
        vjp: the transformation under test, if not `tape.vjp`; called as `vjp(f, *primals, keep=True)`.

    Returns:
        a report of how many examples each property was tried on, and what was left out.

    Raises VerificationError if a property does not hold, on the smallest call that was found; ValueError or
    TypeError where what is asked cannot be verified.
    """
    cases = _cases(f, args, domain)
    examples = 12 * max(1, hypothesis.settings().max_examples // 100) if examples is None else examples
    skip = dict(skip or {})
    tolerances = dict(tolerances or {})
    _refuse_unknown(order, examples, {"skip": skip, "tolerances": tolerances})
    if not deterministic:
        tolerances.setdefault("determinism", 1e-6)
        tolerances.setdefault("purity", tolerances["determinism"])
    points = tuple(kinks)
    options: dict[str, Any] = {"order": order} if order != 2 else {}
    options |= {"kinks": points} if points else {}
    options |= {"ties": True} if ties else {}
    options |= {"deterministic": False} if not deterministic else {}
    options |= {"tolerances": tolerances} if tolerances and deterministic else {}
    options |= {"seed": seed} if seed else {}
    judge = Judge(f, vjp, order, tolerances, skip, Report(name_of(f), order, seed), options)

    if cases:
        for case in cases:
            _try_case(judge, case, max(3, -(-examples // len(cases))), seed)
        if "shapes" not in skip and not judge.tally("shapes").examples:
            judge.skipped("shapes", "the domain's shapes are fixed")
    else:
        _try_around(judge, args, points, ties, examples, seed)
        judge.skipped("shapes", "shapes stay the example's; give a domain= to vary them")
        judge.report.notes.append("numbers lie between the smallest and the largest of each tensor of the example")

    if "conventions" not in skip:
        given = [(None, convention) for convention in conventions]
        given += (
            [(None, _at_kink(args, at, gives)) for at, gives in kinks.items()] if isinstance(kinks, Mapping) else []
        )
        give_the_declared(judge, [*given, *((case, one) for case in cases for one in case.conventions)])
    if "bad inputs" not in skip:
        raises_the_declared(judge, [*bad_inputs, *(one for case in cases for one in case.refusals)])
    if "mutants" not in skip:
        if isinstance(f, Primitive) and vjp is tape_vjp:
            declared = dict(equivalents or {}) | {k: v for case in cases for k, v in case.equivalents.items()}
            catches_its_mutants(judge, f, declared)
        else:
            judge.skipped("mutants", "the function is not a primitive")
    if not judge.report.calls:
        raise ValueError(f"{name_of(f)}: no call could be drawn, so nothing was verified; widen the domain")
    return judge.report


def _cases(f: Callable[..., Any], args: tuple[Any, ...], domain: Any) -> Domain:
    if domain is not None:
        cases = (domain,) if isinstance(domain, Case) else tuple(domain)
        if not cases or not all(isinstance(case, Case) for case in cases):
            raise ValueError(f"{name_of(f)}: a domain is one or more cases; got {domain!r}")
        return cases
    if not args:
        raise ValueError(f"{name_of(f)}: give an example of its arguments, or a domain= to draw them from")
    if not any(isinstance(x, Tensor) and x.is_floating_point() for x in tree.leaves(args)):
        raise TypeError(f"{name_of(f)}: the example has no floating-point tensor, so there is no derivative to verify")
    return ()


def _refuse_unknown(order: int, examples: int, options: Mapping[str, Mapping[str, Any]]) -> None:
    if order not in (1, 2):
        raise ValueError(f"order is 1 or 2, not {order!r}")
    if examples < 1:
        raise ValueError(f"examples is at least 1, not {examples!r}: nothing is verified by no example")
    names = [entry.name for entry in PROPERTIES]
    for option, given in options.items():
        for name, value in given.items():
            if name not in names:
                raise ValueError(f"{option} names {name!r}, which is no property; they are {', '.join(names)}")
            if option == "skip" and not (isinstance(value, str) and value.strip()):
                raise ValueError(f"skip leaves out {name!r} without a reason; give one: skip={{{name!r}: '...'}}")


def _try_case(judge: Judge, case: Case, examples: int, seed: int) -> None:
    """First calls without edges, so that a failure there is not taken for one of shapes."""
    specs = [leaf for leaf in tree.leaves(case.args) if isinstance(leaf, Real)]
    judge.options |= {"kinks": kinks} if (kinks := tuple(sorted({k for spec in specs for k in spec.kinks}))) else {}
    judge.options |= {"ties": True} if any(spec.distinct for spec in specs) else {}
    search(calls_of(case, sizing="plain"), examples, seed, judge.judge)
    names = {name for spec in specs for name in spec.shape.split() if not name.isdigit()}
    ranges = [case.sizes.get(name, (0, 3)) for name in names]
    if "shapes" not in judge.skip and any(low != high for low, high in ranges):
        for sizing, share in _SIZINGS:
            search(calls_of(case, sizing=sizing), max(2, int(examples * share)), seed, judge.judge_shapes)


def _try_around(
    judge: Judge, args: tuple[Any, ...], kinks: Sequence[float], ties: bool, examples: int, seed: int
) -> None:
    example = tree.map(lambda x: _widened(x, kinks), args)
    if not ties:
        search(st.just(Call(tuple(example))), 1, seed, judge.judge)
    search(variations(args, kinks, ties), examples, seed, judge.judge_beside(Call(tuple(example))))


def _widened(x: Any, kinks: Sequence[float]) -> Any:
    return (
        away(x.detach().to(torch.float64, copy=True), kinks) if isinstance(x, Tensor) and x.is_floating_point() else x
    )


def _at_kink(args: tuple[Any, ...], point: float, gives: float) -> Convention:
    leaves = [x for x in tree.leaves(args) if isinstance(x, Tensor) and x.is_floating_point()]
    if len(leaves) != 1:
        raise ValueError(
            "kinks= as a mapping gives the derivative of a function of one tensor, with an example; for others use "
            "conventions=[verify.convention(...)]"
        )

    def filled(value: float) -> Any:
        return tree.map(lambda x: torch.full_like(x, value, dtype=torch.float64) if x is leaves[0] else x, args)

    return replace(Convention((), torch.full_like(leaves[0], gives, dtype=torch.float64)), args=tuple(filled(point)))
