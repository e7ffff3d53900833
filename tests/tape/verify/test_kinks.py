"""Correct functions with kinks and ties pass once these are declared, and only then."""

from functools import partial
from typing import Any

import pytest
import torch

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
