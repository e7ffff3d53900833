"""Correct functions with kinks and ties pass once these are declared, and only then."""

from functools import partial
from typing import Any

import pytest
import torch

import tape
from tape import verify

AROUND_0 = torch.tensor([-1.0, 0.0, 0.5, 2.0])
THREE_WAY_TIE = torch.tensor([1.0, 1.0, 1.0, 0.5])


@pytest.mark.parametrize("f", [torch.relu, torch.abs, torch.nn.functional.leaky_relu])
def test_an_undeclared_kink_is_reported_with_what_to_declare(f: Any) -> None:
    with pytest.raises(verify.VerificationError, match="declare it with kinks="):
        verify.check(f, AROUND_0)
    verify.check(f, AROUND_0, kinks=(0.0,))


@pytest.mark.parametrize(
    ("f", "kinks"),
    [
        (torch.relu, {0.0: 0.0}),
        (torch.abs, {0.0: 0.0}),
        (partial(torch.clamp, min=-0.5, max=1.0), {-0.5: 1.0, 1.0: 1.0}),
    ],
)
def test_the_declared_derivative_at_a_kink_is_verified(f: Any, kinks: dict[float, float]) -> None:
    assert verify.check(f, AROUND_0, kinks=kinks).examples["conventions"] == len(kinks)
    wrong = dict.fromkeys(kinks, 0.25)
    with pytest.raises(verify.VerificationError, match="conventions"):
        verify.check(f, AROUND_0, kinks=wrong)


def test_a_maximum_with_a_three_way_tie() -> None:
    shares = torch.tensor([1.0, 1.0, 1.0, 0.0]) / 3
    tie = verify.convention(THREE_WAY_TIE, gives=shares)
    assert verify.check(torch.amax, THREE_WAY_TIE, ties=True, conventions=[tie]).examples["conventions"] == 1
    with pytest.raises(verify.VerificationError, match="ties="):
        verify.check(torch.amax, THREE_WAY_TIE)


def test_a_maximum_of_two_tensors_keeps_them_apart() -> None:
    verify.check(torch.maximum, THREE_WAY_TIE, THREE_WAY_TIE, ties=True)


def test_sort_passes_with_ties_declared() -> None:
    verify.check(lambda x: torch.sort(x)[0], THREE_WAY_TIE, ties=True)


def test_sqrt_passes_on_its_domain_and_fails_outside_it() -> None:
    verify.check(torch.sqrt, domain=verify.case(verify.real(low=0.1)))
    with pytest.raises(verify.VerificationError, match="domain="):
        verify.check(torch.sqrt, domain=verify.case(verify.real("n", low=-1.0)))


UNDECLARED = {
    "relu": lambda x: 2 * torch.relu(x),
    "clamp": lambda x: 3 * torch.clamp(x, -1.0, 2.0),
    "sort": lambda x: torch.sort(x * x)[0] * torch.arange(4).to(x.dtype),
    "median": lambda x: torch.median(x * x) * x,
    "amax": lambda x: torch.amax(-((x - 0.5) ** 2)) * x.sum(),
    "abs in a product": lambda x: torch.abs(x) * torch.sin(x + 1),
    "a step": lambda x: torch.round(x / 2 - 0.5) + x,
    "large numbers": lambda x: torch.relu(1e6 * x),
}
KINKED = torch.tensor([-1.0, 0.0, 1.0, 2.0])


@pytest.mark.parametrize("name", UNDECLARED)
def test_an_undeclared_kink_of_a_composite_is_counted_and_named(name: str) -> None:
    report = verify.check(UNDECLARED[name], KINKED, examples=4)
    assert len(report.kinks) > 0
    assert report.kinks[0] in str(report)
    assert "with respect to entry" in str(report) or "along random signs" in str(report)


def test_a_function_that_is_smooth_at_its_example_has_no_kinks() -> None:
    report = verify.check(lambda x: torch.relu(x), torch.tensor([-1.0, 0.5]), examples=1)
    assert report.kinks == []
    assert "kinks:" not in str(report)


@tape.primitive
def bent(x: Any, *, at: float) -> Any:
    return torch.clamp(x, min=0)


bent.defvjp(x=lambda g, x, at: torch.where(x == 0, at * g, g * (x > 0)))
ALONE = {"mutants": "conventions are under test"}


@pytest.mark.parametrize("at", [0.0, 0.25, 1.0])
def test_a_derivative_between_the_slopes_of_both_sides_holds_at_a_kink(at: float) -> None:
    assert len(verify.check(partial(bent, at=at), AROUND_0, skip=ALONE, examples=4).kinks) > 0


@pytest.mark.parametrize("at", [-0.25, 1.25, 1e6])
def test_a_derivative_beyond_the_slopes_of_both_sides_is_found(at: float) -> None:
    with pytest.raises(verify.VerificationError, match="'vjp'"):
        verify.check(partial(bent, at=at), AROUND_0, skip=ALONE, examples=4)


@pytest.mark.parametrize("factor", [-1.0, 2.0, 1.001])
def test_a_wrong_rule_beside_a_kink_is_found(factor: float) -> None:
    @tape.primitive
    def wrong(x: Any) -> Any:
        return torch.clamp(x, min=0)

    wrong.defvjp(x=lambda g, x: factor * g * (x > 0))
    for x in (AROUND_0, torch.tensor([1e-9])):
        with pytest.raises(verify.VerificationError, match="'vjp'"):
            verify.check(wrong, x, skip=ALONE, examples=4)


def test_kinks_of_many_entries_at_once_are_told_from_a_wrong_rule() -> None:
    report = verify.check(lambda x: torch.relu(x).sum() - 2 * torch.relu(-x).sum(), torch.zeros(100), examples=1)
    assert len(report.kinks) > 0
