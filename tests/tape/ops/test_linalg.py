from collections.abc import Callable
from typing import Any

import pytest
import torch

import tape


def matrices(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return x + 4 * torch.eye(shape[-1], dtype=torch.float64)


@pytest.mark.parametrize("shapes", [((2, 2, 2), (2, 2)), ((2, 2), (2,)), ((2, 2), (3, 2, 2)), ((2, 2, 2), (1, 2, 3))])
def test_solve_takes_vectors_and_matrices_as_torch_does(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], agrees_with_torch: Callable[..., None]
) -> None:
    b = torch.linspace(-1, 1, torch.Size(shapes[1]).numel(), dtype=torch.float64).reshape(shapes[1])
    agrees_with_torch(torch.linalg.solve, matrices(*shapes[0]), b)


def test_as_many_matrices_as_rows_are_no_batch_of_vectors(agrees_with_torch: Callable[..., None]) -> None:
    agrees_with_torch(torch.linalg.inv, matrices(2, 2, 2))


@pytest.mark.parametrize("f", [torch.linalg.cholesky, lambda x: torch.linalg.cholesky(x, upper=True)])
def test_choleskys_derivative_is_symmetric(f: Any, agrees_with_torch: Callable[..., None]) -> None:
    x = matrices(2, 3, 3)
    agrees_with_torch(f, x @ x.mT)


@pytest.mark.parametrize("f", [torch.logdet, lambda x: torch.linalg.slogdet(x).logabsdet])
def test_logarithms_of_determinants(f: Any, agrees_with_torch: Callable[..., None]) -> None:
    agrees_with_torch(f, matrices(2, 3, 3))
    agrees_with_torch(f, matrices(3, 2, 2, 2))


def test_the_logarithm_of_a_singular_matrixs_determinant_has_no_finite_derivative_where_it_is_asked_for() -> None:
    assert not tape.grad(lambda x: torch.linalg.slogdet(x).logabsdet)(torch.zeros(2, 2)).isfinite().any()
    batch = torch.stack([2 * torch.eye(2), torch.ones(2, 2)])
    assert tape.grad(lambda x: torch.logdet(x)[0])(batch).equal(torch.stack([torch.eye(2) / 2, torch.zeros(2, 2)]))
    not_taken = tape.grad(lambda x: torch.where(torch.det(x) > 0, torch.logdet(x), 0.0))
    assert not not_taken(torch.ones(3, 3)).any()


@pytest.mark.parametrize("f", [torch.linalg.inv, torch.linalg.cholesky, torch.logdet])
def test_only_square_matrices(f: Any) -> None:
    with pytest.raises(ValueError, match="square"):
        tape.vjp(f, torch.ones(2, 3))
