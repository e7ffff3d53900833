from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import tape


def of_rank(rank: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(rank)
    left, right = torch.randn(2, size, size, generator=generator, dtype=torch.float64)
    return left[:, :rank] @ right[:rank]


def cofactors(x: Tensor) -> Tensor:
    """By definition: the signed determinants of what is left without a row and a column."""
    found = torch.zeros_like(x)
    for i in range(len(x)):
        for j in range(len(x)):
            minor = x[[k for k in range(len(x)) if k != i]][:, [k for k in range(len(x)) if k != j]]
            found[i, j] = (-1) ** (i + j) * torch.linalg.det(minor)
    return found


@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 2, 2), (2, 3, 3), (2, 3, 4, 4), (6, 6)])
def test_regular_matrices(shape: tuple[int, ...], agrees_with_torch: Callable[..., None]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    agrees_with_torch(torch.linalg.det, x)


def test_of_nothing_is_1() -> None:
    assert tape.vjp(torch.linalg.det, torch.ones(2, 0, 0))[0].equal(torch.ones(2))


@pytest.mark.parametrize("size", [2, 3, 4, 6])
@pytest.mark.parametrize("missing", [0, 1, 2, 3, 4])
def test_a_singular_matrix_has_its_cofactors_as_gradient_and_theirs_as_second(size: int, missing: int) -> None:
    x, direction = of_rank(max(size - missing, 0), size), of_rank(size, size)
    torch.testing.assert_close(tape.grad(torch.linalg.det)(x), cofactors(x))
    h = 1e-4
    (product,) = tape.hvp(torch.linalg.det, (x,), (direction,))
    differences = (cofactors(x + h * direction) - cofactors(x - h * direction)) / (2 * h)
    torch.testing.assert_close(product, differences, rtol=1e-4, atol=1e-4)


def test_a_batch_may_have_singular_matrices_in_it() -> None:
    x = torch.stack([of_rank(rank, 5) for rank in (5, 4, 0)])
    expected = torch.stack([cofactors(matrix) for matrix in x])
    torch.testing.assert_close(tape.grad(lambda x: torch.linalg.det(x).sum())(x), expected)
    torch.testing.assert_close(torch.func.vmap(tape.grad(torch.linalg.det))(x), expected)


def test_float32_keeps_the_cofactors_of_a_singular_matrix() -> None:
    x = of_rank(4, 5)
    torch.testing.assert_close(tape.grad(torch.linalg.det)(x.float()), cofactors(x).float(), rtol=1e-4, atol=1e-4)


def test_only_square_matrices() -> None:
    with pytest.raises(ValueError, match="square"):
        tape.vjp(torch.linalg.det, torch.ones(2, 3))
