"""Properties of what was declared: the derivative at kinks and ties, and the calls that are refused."""

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.domain import Case, Convention, Real, Refusal
from tape.verify.judge import Judge
from tape.verify.properties.values import gives_what_is_declared
from tape.verify.trial import Call, Trial
from tape.verify.violation import Violation

__all__ = ["give_the_declared", "raises_the_declared"]


def give_the_declared(judge: Judge, conventions: Sequence[tuple[Case | None, Convention]]) -> None:
    """At each declared point the pullback gives the declared derivative."""
    for case, convention in conventions:
        specs = case.args if case else (None,) * len(convention.args)
        args = tuple(
            _tensor(arg) if isinstance(spec, Real) else arg for spec, arg in zip(specs, convention.args, strict=False)
        )
        call = Call(args, convention.options)
        trial = Trial(judge.function, call, judge.vjp)
        several = isinstance(convention.gives, tuple)
        gives = [_tensor(value) for value in (convention.gives if several else (convention.gives,))]
        cotangent = None if convention.cotangent is None else _cotangents(convention.cotangent)
        try:
            if len(gives) != len(trial.inputs):
                raise Violation("the number of declared derivatives", len(trial.inputs), len(gives))
            gives_what_is_declared(trial, cotangent, gives, judge.tolerance("conventions"))
        except Exception as error:
            again = Convention(args, convention.gives, convention.cotangent)
            judge.fail("conventions", error, call, declared={"conventions": [again]})
        judge.tally("conventions").examples += 1
    judge.skipped("conventions", "no kink or tie is declared with its derivative")


def raises_the_declared(judge: Judge, refusals: Sequence[Refusal]) -> None:
    """Each declared call raises the declared error, recorded or not."""
    for refusal in refusals:
        call = Call(refusal.args, refusal.options)
        wanted = refusal.error.__name__ + (f" with {refusal.match!r}" if refusal.match else "")
        for recorded in (False, True):
            try:
                got: Any = "no error"
                with contextlib.suppress(_Passed):
                    try:
                        trial = Trial(judge.function, call, judge.vjp)
                        _ = trial.record() if recorded else trial.f(*trial.inputs)
                    except refusal.error as error:
                        if refusal.match in str(error):
                            raise _Passed from None
                        got = f"{type(error).__name__}: {error}"
                    except Exception as error:
                        got = f"{type(error).__name__}: {error}"
                    raise Violation(f"the call, {'recorded' if recorded else 'as it is'}", wanted, got)
            except Violation as violation:
                again = Refusal(refusal.error, refusal.args, refusal.match)
                judge.fail("bad inputs", violation, call, declared={"bad_inputs": [again]})
        judge.tally("bad inputs").examples += 1
    judge.skipped("bad inputs", "no bad inputs are declared")


class _Passed(Exception):
    pass


def _cotangents(cotangent: Any) -> list[Any]:
    """One for each leaf of the output; a tuple keeps its Nones, which stand where an output has no derivative."""
    return [_tensor(c) for c in (cotangent if isinstance(cotangent, tuple) else tree.leaves(cotangent))]


def _tensor(value: Any) -> Any:
    if isinstance(value, (int, float, list)) and not isinstance(value, bool):
        return torch.tensor(value, dtype=torch.float64)
    return value.to(torch.float64) if isinstance(value, Tensor) and value.is_floating_point() else value
