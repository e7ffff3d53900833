"""Properties of values: what is computed is the function's value and its derivative, in both orders."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape.verify.differences import STEPS, difference, inner, signs
from tape.verify.layouts import laid_out
from tape.verify.trial import Trial, is_real
from tape.verify.violation import Violation, expect_close, expect_equal

_SMALL = 64  # inputs of so many entries are differenced entry by entry
_PROJECTIONS = 4  # and larger ones along so many directions
_BASIS = 64  # so many rows of a Jacobian are asked for one by one

_HINT = " (if it has a kink there, declare it with kinks= or ties=; if it is not defined there, with domain=)"


def computes_the_same(trial: Trial, tolerance: float) -> str | None:
    expect_close("the value", trial.outputs, trial.f(*trial.inputs), tolerance)
    return None


def agrees_with_differences(trial: Trial, tolerance: float) -> str | None:
    if not trial.wide:
        return "its results are not in float64"
    if sum(x.numel() for x in trial.inputs) <= _SMALL:
        _each_entry(trial, tolerance)
    else:
        for _ in range(_PROJECTIONS):
            u, v = signs(trial.outputs, trial.generator), signs(trial.inputs, trial.generator)
            _projection("the derivative along random signs", trial.f, trial.inputs, u, v, trial.pull(u), tolerance)
    return None


def _each_entry(trial: Trial, tolerance: float) -> None:
    """The Jacobian by differences, column by column; the pullback's rows are compared with it entry by entry."""
    rows = [trial.cotangents, *_basis(trial.outputs), signs(trial.outputs, trial.generator)]
    pulled = [trial.pull(row) for row in rows]
    for i, x in enumerate(trial.inputs):
        for entry in range(x.numel()):
            direction = [torch.zeros_like(other) for other in trial.inputs]
            direction[i].reshape(-1)[entry] = 1.0
            got = torch.stack([cotangents[i].reshape(-1)[entry] for cotangents in pulled])

            def expected(step: float, direction: list[Tensor] = direction) -> Tensor:
                column = difference(trial.f, trial.inputs, direction, step)
                return torch.stack([inner(column, row) for row in rows])

            what = f"the derivative with respect to entry {entry} of input {trial.paths[trial.places[i]]}"
            _agree(what, got, expected, tolerance)


def _basis(outputs: Sequence[Any]) -> list[list[Any]]:
    """Cotangents that are 1 at one entry of the outputs; none at all for large outputs."""
    zeros = [torch.zeros_like(y) if is_real(y) else None for y in outputs]
    if sum(z.numel() for z in zeros if z is not None) > _BASIS:
        return []
    rows = []
    for place, zero in enumerate(zeros):
        for entry in range(0 if zero is None else zero.numel()):
            one = torch.zeros_like(outputs[place], memory_format=torch.contiguous_format)
            one.view(-1)[entry] = 1.0
            rows.append([*zeros[:place], one, *zeros[place + 1 :]])
    return rows


def agrees_with_differences_in_second_order(trial: Trial, tolerance: float) -> str | None:
    """The pullback, as a function of the inputs and the cotangents jointly, has a pullback that is right."""
    if not trial.wide:
        return "its results are not in float64"
    count = len(trial.inputs)

    def pulled(*values: Any) -> list[Any]:
        _, pullback = trial.vjp(trial.f, *values[:count])
        given = iter(values[count:])
        return list(pullback([None if c is None else next(given) for c in trial.cotangents]))

    values = [*trial.inputs, *(c for c in trial.cotangents if c is not None)]
    results, second = trial.vjp(pulled, *values)
    u = signs(results, trial.generator)
    cotangents = second(u)
    for _ in range(2):
        v = signs(values, trial.generator)
        _projection("the second derivative along random signs", pulled, values, u, v, cotangents, tolerance)
    return None


def _projection(
    what: str,
    f: Callable[..., Sequence[Any]],
    inputs: Sequence[Tensor],
    u: Sequence[Any],
    v: Sequence[Tensor],
    pulled: Sequence[Any],
    tolerance: float,
) -> None:
    _agree(what, inner(pulled, v), lambda step: inner(difference(f, inputs, v, step), u), tolerance)


def _agree(what: str, got: Tensor, expected: Callable[[float], Tensor], tolerance: float) -> None:
    """Fails unless `got` is what differences give with one of the steps."""
    first = None
    for step in STEPS:
        wanted = expected(step)
        if bool(((got - wanted).abs() <= tolerance * (1 + wanted.abs())).all()):
            return
        first = wanted if first is None else first
    assert first is not None
    wrong = ~((got - first).abs() <= tolerance * (1 + first.abs()))
    raise Violation(what + _HINT, first[wrong], got[wrong])


def agrees_in_float32(trial: Trial, tolerance: float) -> str | None:
    if not trial.wide:
        return "its results are not in float64"
    narrow = trial.with_inputs([x.to(torch.float32) for x in trial.inputs])
    wide = trial.with_inputs([x.to(torch.float64) for x in narrow.inputs])
    given = [None if c is None else c.to(y.dtype) for c, y in zip(trial.cotangents, narrow.outputs, strict=True)]
    back = [None if c is None else c.to(torch.float64) for c in given]
    expect_close("the value in float32", *_reals(narrow.outputs, wide.outputs), tolerance)
    expect_close("the cotangent in float32", narrow.pull(given), wide.pull(back), tolerance)
    return None


def _reals(got: Sequence[Any], expected: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    kept = [i for i, y in enumerate(expected) if is_real(y)]
    return [got[i] for i in kept], [expected[i] for i in kept]


def any_input_layout(trial: Trial, tolerance: float) -> str | None:
    if not any(x.ndim for x in trial.inputs):
        return "its inputs are 0-d"
    for layout in ("transposed", "sliced", "offset", "expanded"):
        if layout == "expanded" and trial.call.tied:
            continue
        other = trial.with_inputs([laid_out(x, layout) for x in trial.inputs])
        plain = trial
        if layout == "expanded":
            plain = trial.with_inputs([laid_out(x, "contiguous") for x in other.inputs])
        expect_close(f"the value with {layout} inputs", *_reals(other.outputs, plain.outputs), tolerance)
        got, expected = other.pull(trial.cotangents), plain.pull(trial.cotangents)
        expect_close(f"the cotangent with {layout} inputs", got, expected, tolerance)
    return None


def gives_what_is_declared(trial: Trial, cotangent: Any, gives: Sequence[Tensor], tolerance: float) -> None:
    """At a kink or a tie: the pullback is the declared one, and finite differences are not asked."""
    seeds = [torch.ones_like(y) if is_real(y) else None for y in trial.outputs] if cotangent is None else cotangent
    expect_close("the declared derivative", trial.pull(seeds), gives, tolerance)
    expect_equal("the declared derivative, a second time", trial.pull(seeds), trial.pull(seeds))
