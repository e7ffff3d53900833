"""Properties of values: what is computed is the function's value and its derivative, in both orders."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape.verify.agreement import agree
from tape.verify.differences import Line, contracted, flat, scales, signs
from tape.verify.layouts import laid_out
from tape.verify.properties.narrow import reals
from tape.verify.properties.rounding import LinAlgError, Of, decided_by_rounding, expect_close_to_rounding, singular
from tape.verify.slack import Slack
from tape.verify.trial import Trial, is_real
from tape.verify.violation import Violation, expect_close, expect_equal

_SMALL = 64  # inputs of so many entries are differenced entry by entry
_PROJECTIONS = 4  # and larger ones along so many directions
_BASIS = 64  # so many rows of a Jacobian are asked for one by one
_LEAST = 1 / 8  # of a tensor's largest number: the steps of smaller ones are no smaller at first
_EQUAL = "input layouts: inputs whose entries are equal, so that they can be expanded, are left out"
_MANY = 256  # so many entries are looked at one by one where their sum disagrees


def computes_the_same(trial: Trial, tolerance: float) -> str | None:
    right = trial.f(*trial.inputs)
    expect_close_to_rounding("the value", trial.outputs, right, tolerance, trial, lambda at: at.f(*at.inputs))
    return None


def agrees_with_differences(trial: Trial, tolerance: float) -> str | None:
    if not trial.wide:
        return "its results are not in float64"
    if sum(x.numel() for x in trial.inputs) <= _SMALL:
        rows = [trial.cotangents, *_basis(trial.outputs), signs(trial.outputs, trial.generator)]
        pulled, slack = _pulled(trial.pull, rows), _slack_of(trial, rows)
        _each_entry("derivative", trial, trial.f, trial.inputs, _paths(trial), rows, pulled, tolerance, slack)
    else:
        for _ in range(_PROJECTIONS):
            rows = [signs(trial.outputs, trial.generator)]
            pulled, slack = _pulled(trial.pull, rows), _slack_of(trial, rows)
            count = len(trial.inputs)
            _projection(
                "derivative", trial, trial.f, trial.inputs, count, _paths(trial), rows, pulled, tolerance, slack
            )
    return None


def _slack_of(trial: Trial, rows: Sequence[Sequence[Any]]) -> Slack:
    return Slack(trial.inputs, lambda inputs: _pulled(trial.with_inputs(inputs).pull, rows), _size(trial))


def _size(trial: Trial) -> float:
    """Of what the outputs and their cotangents make together."""
    pairs = [(y, c) for y, c in zip(trial.outputs, trial.cotangents, strict=True) if c is not None and c.numel()]
    return max((float((y * c).abs().nan_to_num(0.0, 0.0).max()) for y, c in pairs), default=0.0)


def _paths(trial: Trial) -> list[str]:
    return [f"input {trial.paths[place]}" for place in trial.places]


def _pulled(pull: Callable[[Any], Sequence[Any]], rows: Sequence[Sequence[Any]]) -> Tensor:
    """Of each row of cotangents those of the inputs, in one row."""
    return torch.stack([flat(pull(row)) for row in rows])


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
    # A gradient is as large as the value over the input; times the input's size, those of all inputs count alike.
    sizes = [scales(x) for x in trial.inputs]
    largest = max((float(size.max()) for size in sizes if size.numel()), default=1.0)
    rows = [[sign * (size / largest) for sign, size in zip(signs(results, trial.generator), sizes, strict=True)]]
    seconds = _pulled(second, rows)
    paths = [*_paths(trial), *(f"cotangent {i}" for i in range(len(values) - count))]
    slack = Slack(values, lambda at: _pulled(trial.vjp(pulled, *at)[1], rows), _size(trial) / largest)
    # Cotangents are some 1 and inputs of any size, so that along both at once the larger can hide the smaller.
    _projection("second derivative", trial, pulled, values, count, paths, rows, seconds, tolerance, slack)
    _projection("second derivative", trial, pulled, values, len(values), paths, rows, seconds, tolerance, slack)
    return None


def _projection(
    what: str,
    trial: Trial,
    f: Callable[..., Sequence[Any]],
    inputs: Sequence[Tensor],
    moving: int,
    paths: Sequence[str],
    rows: Sequence[Sequence[Any]],
    pulled: Tensor,
    tolerance: float,
    slack: Slack,
) -> None:
    """Compares along a line that moves every entry of the first `moving` inputs."""
    v = signs(inputs, trial.generator)
    lines = []
    for least in (_LEAST, 0.0):
        moved = [sign * scales(x, least) for sign, x in zip(v[:moving], inputs[:moving], strict=True)]
        still = [torch.zeros_like(x) for x in inputs[moving:]]
        step = flat([*moved, *still])
        got, terms = contracted(pulled, step), contracted(pulled.abs(), step.abs())
        lines.append((Line(f, inputs, [*moved, *(None for _ in still)]), got, terms))
    cotangents = torch.stack([flat(row) for row in rows])
    try:
        trial.found(agree(f"the {what} along random signs", cotangents, lines, tolerance, trial.strict, slack.along))
    except Violation:
        # Kinks of several entries can hide each other in a sum.
        if trial.strict or sum(x.numel() for x in inputs) > _MANY:
            raise
        if not _each_entry(what, trial, f, inputs, paths, rows, pulled, tolerance, slack):
            raise


def _each_entry(
    what: str,
    trial: Trial,
    f: Callable[..., Sequence[Any]],
    inputs: Sequence[Tensor],
    paths: Sequence[str],
    rows: Sequence[Sequence[Any]],
    pulled: Tensor,
    tolerance: float,
    slack: Slack,
) -> int:
    """Compares the Jacobian's columns by differences with the pulled rows, and returns how many have a kink."""
    cotangents = torch.stack([flat(row) for row in rows])
    first = kinks = 0
    for place, x in enumerate(inputs):
        sizes = [scales(x, least).reshape(-1) for least in (_LEAST, 0.0)]
        for entry in range(x.numel()):
            lines = []
            for size in sizes:
                direction: list[Tensor | None] = [None] * len(inputs)
                column = torch.zeros_like(size)
                column[entry] = size[entry]
                direction[place] = column.view(x.shape)
                got = pulled[:, first + entry] * size[entry]
                lines.append((Line(f, inputs, direction), got, got.abs()))
            name = f"the {what} with respect to entry {entry} of {paths[place]}"
            agreement = agree(name, cotangents, lines, tolerance, trial.strict, slack.along)
            trial.found(agreement)
            kinks += bool(agreement.kink)
        first += x.numel()
    return kinks


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
            if refused := _refusal(plain, trial):
                trial.notes.append(f"{_EQUAL}: {refused}")
                continue
        try:
            _same_in_layout(layout, other, plain, trial.cotangents, tolerance)
        except LinAlgError as error:
            if layout != "expanded":
                raise
            trial.notes.append(f"{_EQUAL}: {type(error).__name__}")
    return None


def _same_in_layout(layout: str, other: Trial, plain: Trial, cotangents: Sequence[Any], tolerance: float) -> None:
    values, right = reals(other.outputs, plain.outputs)
    of_values: Of = lambda at: reals(at.outputs, at.outputs)[0]
    expect_close_to_rounding(f"the value with {layout} inputs", values, right, tolerance, plain, of_values)
    got, expected = other.pull(cotangents), plain.pull(cotangents)
    pulled: Of = lambda at: at.pull(cotangents)
    expect_close_to_rounding(f"the cotangent with {layout} inputs", got, expected, tolerance, plain, pulled)


def _refusal(plain: Trial, trial: Trial) -> str:
    """Why the function says nothing at inputs whose entries are equal, such as a singular matrix; "" if it does."""
    try:
        values = plain.f(*plain.inputs)
    except Exception as error:
        return type(error).__name__
    try:
        pulled = plain.pull(trial.cotangents)
    except LinAlgError as error:
        return type(error).__name__
    here, usual = (*values, *pulled), (*trial.outputs, *trial.gradients)
    if singular(here, usual) or decided_by_rounding(plain, lambda at: at.f(*at.inputs)):
        return "the function is singular there"
    return ""


def gives_what_is_declared(trial: Trial, cotangent: Any, gives: Sequence[Tensor], tolerance: float) -> None:
    """At a kink or a tie: the pullback is the declared one, and finite differences are not asked."""
    seeds = [torch.ones_like(y) if is_real(y) else None for y in trial.outputs] if cotangent is None else cotangent
    expect_close("the declared derivative", trial.pull(seeds), gives, tolerance)
    expect_equal("the declared derivative, a second time", trial.pull(seeds), trial.pull(seeds))
