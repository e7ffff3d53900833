"""Kinks of the second derivative, right at the example: the derivative passes there, and the point is counted."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape
from tape import verify

BENT: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "relu squared": (lambda x: torch.relu(x) ** 2, [0.0, 1.0]),
    "relu times x": (lambda x: torch.relu(x) * x, [0.0, 1.0]),
    "a hinge squared": (lambda x: torch.relu(1 - x) ** 2, [1.0, 0.5]),
    "relu times the sum": (lambda x: torch.relu(x) * x.sum(), [0.0, 1.0, -1.0, 0.0]),
    "relu squared beside 5": (lambda x: torch.relu(x) ** 2 + 5, [0.0, 1.0]),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", BENT)
def test_a_kink_of_the_second_derivative_is_counted(name: str, seed: int) -> None:
    f, example = BENT[name]
    report = verify.check(f, torch.tensor(example, dtype=torch.float64), seed=seed, examples=4)
    # Beside a larger value, differences across the point agree.
    hidden = name == "relu squared beside 5"
    assert hidden or any("the derivative" in kink for kink in report.kinks)
    assert any("second derivative" in kink for kink in report.kinks)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("wrong", [1e-6, -1e-3, 1.0])
def test_a_wrong_derivative_at_such_a_point_is_found(wrong: float, seed: int) -> None:
    @tape.primitive
    def squared(x: Any) -> Any:
        return torch.clamp(x, min=0) ** 2

    squared.defvjp(x=lambda g, x: g * torch.where(x == 0, wrong, 2 * torch.relu(x)))
    with pytest.raises(verify.VerificationError, match="'vjp'"):
        verify.check(squared, torch.tensor([0.0, 1.0], dtype=torch.float64), seed=seed, skip={"mutants": "one is it"})
