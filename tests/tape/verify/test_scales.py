"""Right derivatives of large, small and offset numbers are not accused; wrong ones of the same numbers are found."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import verify


def values(*entries: float) -> Tensor:
    return torch.tensor(entries, dtype=torch.float64)


RIGHT: dict[str, tuple[Callable[..., Any], list[Tensor]]] = {
    "x*x at 1e6": (lambda x: x * x, [values(1e6, -2e6)]),
    "x*x at 1e-100": (lambda x: x * x, [values(1e-100, 2e-100)]),
    "x*x at 1e100": (lambda x: x * x, [values(1e100, -2e100)]),
    "sqrt near 1e-6": (torch.sqrt, [values(1e-6, 2e-6)]),
    "sin(1e6 x) near 1e-6": (lambda x: torch.sin(1e6 * x), [values(1e-6, -2e-6)]),
    "sin(1e6 x) near 1": (lambda x: torch.sin(1e6 * x), [values(1.0, 2.0)]),
    "sin(x) + 1e9": (lambda x: torch.sin(x) + 1e9, [values(1.0, 2.0)]),
    "exp near 700": (torch.exp, [values(700.0, 701.0)]),
    "log near 1e-300": (torch.log, [values(1e-300, 2e-300)]),
    "log of numbers far apart": (torch.log, [values(1e-300, 1.0)]),
    "1/x near 1e-8": (lambda x: 1 / x, [values(1e-8, 2e-8)]),
    "x**3 at 1e5": (lambda x: x**3, [values(1e5, -2e5)]),
    "tanh(1e4 x) at 0": (lambda x: torch.tanh(1e4 * x), [values(0.0, 1e-4)]),
    "what 1e8 leaves of a number": (lambda x: (x + 1e8) - 1e8, [values(1.0, 2.0)]),
    "inputs of other scales": (lambda x, y: x * torch.sin(y * x), [values(1e8, 2e8), values(1e-8, 3e-8)]),
    "a sum of other scales": (lambda x, y: x + y * y, [values(1e8, 2e8), values(1e-8, 3e-8)]),
    "many large numbers": (lambda x: x * x, [1e6 * torch.linspace(-1, 1, 100, dtype=torch.float64)]),
    "a variance beside 1e6": (lambda x: torch.var(x), [values(1e6, 1e6 + 1, 1e6 - 0.5)]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_derivative_is_not_accused(name: str) -> None:
    f, inputs = RIGHT[name]
    report = verify.check(f, *inputs, examples=4)
    assert report.examples["vjp"] > 0
    assert report.examples["second order"] > 0
    assert report.kinks == []


def test_logsumexp_at_1e6_is_not_accused() -> None:
    verify.check(lambda x: torch.logsumexp(x, 0), values(1e6, 1e6 + 1, 1e6 - 2), examples=4, order=1)


WRONG: dict[str, tuple[Callable[[Any], Any], Callable[..., Any], Tensor]] = {
    "x*x at 1e6": (lambda x: x * x, lambda g, x: 2 * g * x, values(1e6, -2e6)),
    "x*x at 1e-100": (lambda x: x * x, lambda g, x: 2 * g * x, values(1e-100)),
    "sqrt near 1e-6": (torch.sqrt, lambda g, x: g / (2 * torch.sqrt(x)), values(1e-6, 2e-6)),
    "sin(1e6 x) near 1": (lambda x: torch.sin(1e6 * x), lambda g, x: 1e6 * g * torch.cos(1e6 * x), values(1.0, 2.0)),
    "sin(x) + 1e9": (lambda x: torch.sin(x) + 1e9, lambda g, x: g * torch.cos(x), values(1.0, 2.0)),
    "exp near 700": (torch.exp, lambda g, x: g * torch.exp(x), values(700.0, 701.0)),
    "exp near 1e-6": (torch.exp, lambda g, x: g * torch.exp(x), values(1e-6)),
    "log near 1e-300": (torch.log, lambda g, x: g / x, values(1e-300, 2e-300)),
}
OTHER = {"skip": {"mutants": "one is under test", "float32": "not of interest"}, "examples": 4}


def _op(f: Callable[[Any], Any], rule: Callable[..., Any]) -> Any:
    op = tape.primitive(lambda x: f(x))
    op.defvjp(x=rule)
    return op


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("factor", [-1.0, 2.0, 1.01])
def test_a_wrong_rule_is_found_at_the_same_scale(name: str, factor: float) -> None:
    f, rule, x = WRONG[name]
    verify.check(_op(f, rule), x, **OTHER)
    with pytest.raises(verify.VerificationError, match="'vjp'"):
        verify.check(_op(f, lambda g, x: factor * rule(g, x)), x, **OTHER)


@pytest.mark.parametrize("name", WRONG)
def test_a_residual_taken_as_a_constant_is_found_at_the_same_scale(name: str) -> None:
    f, rule, x = WRONG[name]
    with pytest.raises(verify.VerificationError, match="'second order'"):
        verify.check(_op(f, lambda g, x: rule(g, tape.stop_gradient(x))), x, **OTHER)


def test_a_derivative_that_rounding_hides_is_named() -> None:
    report = verify.check(lambda x: torch.sin(x) + 1e30, values(1.0, 2.0), examples=4)
    assert "rounding of the function's own values hides" in str(report)


def test_numbers_beyond_float32_are_not_tried_in_float32() -> None:
    assert "beyond float32's range" in verify.check(lambda x: x * x, values(1e100), examples=4).skipped["float32"]
    assert "beyond float32's range" in verify.check(torch.exp, values(700.0), examples=4).skipped["float32"]


def test_a_rule_that_is_wrong_only_in_float32_is_found_at_1e6() -> None:
    def rule(g: Any, x: Any) -> Any:
        return 2 * g * x * (1.001 if x.dtype == torch.float32 else 1.0)

    with pytest.raises(verify.VerificationError, match="'float32'"):
        verify.check(_op(lambda x: x * x, rule), values(1e6, 2e6), skip={"mutants": "one is under test"})


def test_an_example_whose_memory_is_not_in_order() -> None:
    x = torch.rand(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).t()
    assert verify.check(lambda x: torch.sin(x) @ x.t(), x, examples=4).examples["vjp"] > 0
    with pytest.raises(verify.VerificationError, match="'vjp'"):
        verify.check(_op(torch.sin, lambda g, x: -g * torch.cos(x)), x, **OTHER)
