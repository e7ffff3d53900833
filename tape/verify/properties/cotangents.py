"""Properties of the pullback as a map of cotangents: linear, blind to layout, and of the right kind."""

from typing import Any

import torch
from torch import Tensor

from tape.verify.layouts import laid_out
from tape.verify.trial import Trial, is_real
from tape.verify.violation import Violation, expect_close


def conforms(trial: Trial, tolerance: float) -> str | None:
    del tolerance
    cotangents = trial.gradients
    if len(cotangents) != len(trial.inputs):
        raise Violation("the number of cotangents", len(trial.inputs), len(cotangents))
    for x, cotangent, place in zip(trial.inputs, cotangents, trial.places, strict=True):
        what = f"the cotangent of input {trial.paths[place]}"
        if type(cotangent) is not Tensor:
            raise Violation(what, "a tensor", f"a {type(cotangent).__name__}")
        if (cotangent.shape, cotangent.dtype, cotangent.device) != (x.shape, x.dtype, x.device):
            raise Violation(what, _kind(x), _kind(cotangent))
    return None


def linear_in_the_cotangent(trial: Trial, tolerance: float) -> str | None:
    """Opposite, large, small and zero cotangents, and sums: each gives what the parts give."""
    u, w = trial.cotangents, trial.draw(trial.outputs)
    of_u, of_w = trial.gradients, trial.pull(w)
    for a, b in ((-1.0, 0.0), (1024.0, 0.0), (2.0**-10, 0.0), (1.0, 1.0), (0.0, 0.0)):
        combined = [None if p is None else a * p + b * q for p, q in zip(u, w, strict=True)]
        expected = [a * p + b * q for p, q in zip(of_u, of_w, strict=True)]
        # Compared at the size of u's own cotangent, so that the small combination counts as much as the large.
        size = max(abs(a), abs(b)) or 1.0
        got = [p / size for p in trial.pull(combined)]
        expect_close(f"the pullback of {a:g} u + {b:g} w, over {size:g}", got, [e / size for e in expected], tolerance)
    return None


def any_cotangent_layout(trial: Trial, tolerance: float) -> str | None:
    if not any(is_real(y) and y.ndim for y in trial.outputs):
        return "its outputs are 0-d"
    for layout in ("transposed", "sliced", "offset", "expanded"):
        given = [None if c is None else laid_out(c, layout) for c in trial.cotangents]
        plain = [None if c is None else laid_out(c, "contiguous") for c in given]
        expected = trial.pull(plain) if layout == "expanded" else trial.gradients
        expect_close(f"the pullback of a cotangent whose layout is {layout}", trial.pull(given), expected, tolerance)
    return None


def integers_get_none(trial: Trial, tolerance: float) -> str | None:
    del tolerance
    if not trial.integers:
        return "no argument is a tensor of integers or truth values"
    places = sorted([*trial.places, *trial.integers])

    def of_all_tensors(*tensors: Any) -> list[Any]:
        return trial.filled(places, tensors)

    _, pullback = trial.vjp(of_all_tensors, *(trial.leaves[i] for i in places))
    for place, cotangent in zip(places, pullback(trial.cotangents), strict=True):
        if place in trial.integers and cotangent is not None:
            raise Violation(f"the cotangent of input {trial.paths[place]}", None, cotangent)
        if place not in trial.integers and not isinstance(cotangent, Tensor):
            raise Violation(f"the cotangent of input {trial.paths[place]}", "a tensor", cotangent)
    return None


def _kind(x: Any) -> str:
    dtype: torch.dtype = x.dtype
    return f"shape {tuple(x.shape)}, {dtype}, on {x.device}"
