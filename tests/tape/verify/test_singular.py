"""Functions of matrices around one example: where they are singular, nothing is asked of them, and that is said."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape
from tape import verify

MATRIX = torch.tensor([[2.5, -0.3, 0.8], [0.4, 1.9, -0.7], [-0.6, 0.2, 2.2]], dtype=torch.float64)


@pytest.mark.parametrize(
    "f",
    [
        torch.linalg.inv,
        torch.logdet,
        lambda a: torch.linalg.slogdet(a)[1],
        lambda a: torch.linalg.solve(a, a[:, :1] ** 2),
        lambda a: torch.linalg.cholesky(a @ a.mT),
    ],
    ids=["inv", "logdet", "slogdet", "solve", "cholesky"],
)
def test_equal_entries_are_left_out_and_named(f: Callable[[Any], Any]) -> None:
    report = verify.check(f, MATRIX, examples=4)
    assert report.examples["input layouts"] > 0
    assert "inputs whose entries are equal, so that they can be expanded, are left out" in str(report)


def test_a_function_that_takes_equal_entries_is_tried_on_them() -> None:
    for f in (lambda a: a @ a.mT, torch.linalg.det):
        assert "left out" not in str(verify.check(f, MATRIX, examples=4))


def test_drawn_matrices_that_are_singular_are_left_out_and_named() -> None:
    """The logarithm of a determinant is not defined for half of the matrices between two numbers."""
    around = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    report = verify.check(torch.logdet, around, examples=12)
    assert report.examples["vjp"] > 1
    assert "calls at which the function is singular" in str(report)


IDENTITY = torch.eye(3, dtype=torch.float64)
COMPOSITES: dict[str, Callable[[Any, Any], Any]] = {
    "logdet of a product": lambda a, b: torch.logdet(b @ a.t()),
    "solve": lambda a, b: torch.linalg.solve(a, b[:, :1]),
    "cholesky of a product": lambda a, b: torch.linalg.cholesky(b @ a.t()),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", COMPOSITES)
def test_a_composite_of_matrix_functions_is_not_accused(name: str, seed: int) -> None:
    drawn = torch.rand(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for example in (drawn + IDENTITY, IDENTITY) if seed == 0 else (drawn + IDENTITY,):
        report = verify.check(lambda a: COMPOSITES[name](a, a), example, seed=seed, examples=3)
        assert report.examples["second order"] > 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", COMPOSITES)
def test_a_wrong_rule_in_such_a_composite_is_found(name: str, seed: int) -> None:
    @tape.primitive
    def same(a: Any) -> Any:
        return a.clone()

    same.defvjp(a=lambda g: g * 1.0001)
    drawn = torch.rand(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    with pytest.raises(verify.VerificationError, match="'vjp'"):
        verify.check(lambda a: COMPOSITES[name](a, same(a)), drawn + IDENTITY, seed=seed, examples=3)
