"""One function, differentiated by tape and by torch's autograd: value, gradient and second order."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import tape
from tape.verify.differences import difference, flat, inner, signs

__all__ = ["Disagreement", "OracleError", "compare"]

_STEPS = (1e-4, 1e-6, 1e-7)  # a kink that is nearer than one of them is not nearer than all
_RELATIVE = 1e-7  # both sides compute in float64 and differ in the order of their sums
_ABSOLUTE = 1e-9  # of the largest entry, for entries that are small because large terms cancel
_LARGEST = 1e8  # derivatives beyond it have lost too many digits to be compared


class Disagreement(AssertionError):
    """Tape and torch differ. `what` is "value", "gradient" or "second order", or "error" where tape raised."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__(f"{what}: {message}")
        self.what = what


class OracleError(Exception):
    """Torch itself fails on the function: it raises, or finite differences agree with tape and not with torch.

    Also raised for derivatives that are too large to compare.
    """


def compare(f: Callable[..., Sequence[Any]], inputs: Sequence[Tensor], seed: int = 0) -> None:
    """Raises a `Disagreement` unless tape and torch agree on `f`, a function of float64 tensors.

    The gradient is that of a random projection of the outputs; the second order is the gradient, with respect
    to the inputs, of a random projection of the gradient.

    >>> compare(lambda x: (torch.sin(x) * x,), [torch.tensor([1.0, 2.0], dtype=torch.float64)])
    """
    generator = torch.Generator().manual_seed(seed)
    try:
        expected = _by_torch(f, inputs, generator)
    except Exception as error:
        raise OracleError(f"torch: {error}") from error
    if not all(x.isfinite().all() and (x.abs() < _LARGEST).all() for part in expected.values() for x in part):
        raise OracleError("the derivatives are too large to compare")
    generator.manual_seed(seed)
    try:
        actual = _by_tape(f, inputs, generator)
    except Exception as error:
        raise Disagreement("error", f"tape raised {type(error).__name__}: {error}") from error
    for what, wanted in expected.items():
        try:
            _assert_close(what, actual[what], wanted)
        except Disagreement as disagreement:
            if what != "value" and _differences_uphold(what, f, inputs, seed, actual[what], wanted):
                raise OracleError(f"torch's {what} is not what differences give") from disagreement
            raise


def _by_torch(f: Callable[..., Any], inputs: Sequence[Tensor], generator: torch.Generator) -> dict[str, list[Tensor]]:
    required = [x.detach().clone().requires_grad_() for x in inputs]
    outputs = list(f(*required))
    gradients = _torch_gradients(outputs, required, _random(outputs, generator))
    second = _torch_gradients(gradients, required, _random(inputs, generator))
    parts = {"value": outputs, "gradient": gradients, "second order": second}
    return {what: [x.detach() for x in part] for what, part in parts.items()}


def _torch_gradients(outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor]) -> Any:
    pairs = [(y, c) for y, c in zip(outputs, cotangents, strict=True) if y.requires_grad]
    if not pairs:
        return [torch.zeros_like(x) for x in inputs]
    ys, cs = zip(*pairs, strict=True)
    return torch.autograd.grad(ys, inputs, cs, create_graph=True, materialize_grads=True)


def _by_tape(f: Callable[..., Any], inputs: Sequence[Tensor], generator: torch.Generator) -> dict[str, list[Tensor]]:
    outputs, pullback = tape.vjp(lambda *inputs: list(f(*inputs)), *inputs)
    cotangents = _random(outputs, generator)
    gradients = pullback(cotangents)
    projection = _random(inputs, generator)
    _, second = tape.vjp(_gradient(f, cotangents), *inputs)
    return {"value": outputs, "gradient": list(gradients), "second order": list(second(projection))}


def _gradient(f: Callable[..., Any], cotangents: Sequence[Tensor]) -> Callable[..., list[Any]]:
    def gradient(*inputs: Any) -> list[Any]:
        _, pullback = tape.vjp(lambda *inputs: list(f(*inputs)), *inputs)
        return list(pullback(cotangents))

    return gradient


def _differences_uphold(
    what: str,
    f: Callable[..., Any],
    inputs: Sequence[Tensor],
    seed: int,
    actual: Sequence[Tensor],
    expected: Sequence[Tensor],
) -> bool:
    """Whether finite differences agree with tape in every direction tried, and in one of them not with torch."""
    generator = torch.Generator().manual_seed(seed)
    cotangents = _random(f(*inputs), generator)
    weights = cotangents if what == "gradient" else _random(inputs, generator)
    differentiated = f if what == "gradient" else _gradient(f, cotangents)
    torch_wrong = False
    for _ in range(3):
        direction = signs(inputs, generator)
        ours, theirs = inner(actual, direction), inner(expected, direction)
        slopes = [difference(differentiated, inputs, direction, step) @ flat(weights) for step in _STEPS]
        agreeing = [slope for slope in slopes if torch.isclose(slope, ours, rtol=1e-5, atol=1e-5)]
        if not agreeing:
            return False
        torch_wrong |= not any(torch.isclose(slope, theirs, rtol=1e-5, atol=1e-5) for slope in agreeing)
    return torch_wrong


def _random(like: Sequence[Any], generator: torch.Generator) -> list[Tensor]:
    return [torch.randn(x.shape, generator=generator, dtype=torch.float64) for x in like]


def _assert_close(what: str, actual: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    largest = max((x.abs().max().item() for x in expected if x.numel()), default=0.0)
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        place = f"output {i}" if what == "value" else f"with respect to input {i}"
        if a.shape != e.shape or a.dtype != e.dtype:
            raise Disagreement(what, f"{place}: tape gives {a.shape} and {a.dtype}, torch {e.shape} and {e.dtype}")
        if not torch.allclose(a, e, rtol=_RELATIVE, atol=_ABSOLUTE * (1 + largest)):
            raise Disagreement(what, f"{place}: tape gives {a.tolist()}, torch {e.tolist()}")
