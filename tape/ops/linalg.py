"""Linear systems and factorisations. A singular matrix is refused by torch's own error, a triangle is not."""

from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw

unsolvable: type[Exception] = torch.linalg.LinAlgError  # type: ignore[attr-defined]


@op(
    (
        case(real("n n", diagonal=7.0), real("n k"))
        .refuses(RuntimeError, torch.ones(2, 3), torch.ones(2, 1), match="must be batches of square matrices")
        .refuses(RuntimeError, torch.eye(2), torch.ones(3, 1), match="Incompatible shapes of A and B")
        .refuses(unsolvable, torch.ones(2, 2), torch.ones(2, 1), match="singular"),
        case(real("2 n n", diagonal=7.0), real("n k")),
    )
)
def solve_matrix(a: Tensor, b: Tensor) -> Tensor:
    """The X of A X = B, of matrices or of batches of them that broadcast."""
    # Of fewer dimensions, torch may take b for a batch of vectors.
    return torch.linalg.solve(a, b.reshape((1,) * (a.ndim - b.ndim) + tuple(b.shape)))  # type: ignore[no-any-return]


solve_matrix.defvjp(
    a=lambda g, ans, a: -torch.matmul(solve_matrix(a.mT, g), ans.mT), b=lambda g, a: solve_matrix(a.mT, g)
)


@implements(torch.linalg.solve)
def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """The X of A X = B or, unless `left`, of X A = B. B may be a vector, or a batch of them as torch has it."""
    if B.ndim == 1 or (A.ndim - 1 == B.ndim and A.shape[:-1] == B.shape):
        if not left:
            raise ValueError("linalg.solve: with left=False, B must be a matrix")
        return solve_matrix(A, B.unsqueeze(-1)).squeeze(-1)
    return solve_matrix(A, B) if left else solve_matrix(A.mT, B.mT).mT


@implements(torch.linalg.inv, torch.inverse, Tensor.inverse)
def inv(A: Any) -> Any:
    refuse_unless_square("inv", A)
    return solve_matrix(A, torch.eye(A.shape[-1], dtype=A.dtype, device=A.device))


@op(
    (
        case(real("n n", diagonal=7.0), real("n k"), upper=(False, True), unitriangular=(False, True)).refuses(
            RuntimeError, torch.ones(2, 3), torch.ones(2, 1), match="must be batches of square matrices", upper=True
        ),
        case(real("n n", diagonal=7.0), real("k n"), upper=(False, True), left=(False,), unitriangular=(False, True)),
        case(real("2 n n", diagonal=7.0), real("n k"), upper=(False, True)),
    ),
    torch.linalg.solve_triangular,
)
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Of the upper or the lower triangle of A, with ones on the diagonal if it is `unitriangular`. Where that is
    singular, a quotient by 0."""
    return torch.linalg.solve_triangular(A, B, upper=upper, left=left, unitriangular=unitriangular)  # type: ignore[no-any-return]


def _solved(g: Any, A: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    return torch.linalg.solve_triangular(A.mT, g, upper=not upper, left=left, unitriangular=unitriangular)


def _triangle(g: Any, ans: Any, A: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    solved = _solved(g, A, upper, left, unitriangular)
    whole = -(solved @ ans.mT if left else ans.mT @ solved)
    return torch.triu(whole, int(unitriangular)) if upper else torch.tril(whole, -unitriangular)


solve_triangular.defvjp(A=_triangle, B=_solved)


@op(case(real("n n", diagonal=7.0)).refuses(unsolvable, -torch.eye(2), match="is not positive-definite"))
def cholesky_factor(a: Tensor) -> Tensor:
    """The lower factor of a positive definite matrix's symmetric part."""
    return torch.linalg.cholesky(a + (a.mT - a) / 2)  # type: ignore[no-any-return]


def _cholesky(g: Any, ans: Any) -> Any:
    inside = torch.tril(torch.matmul(ans.mT, g))
    inside = inside - 0.5 * torch.diag_embed(torch.diagonal(inside, 0, -2, -1))
    outside = solve_matrix(ans.mT, solve_matrix(ans.mT, inside).mT)  # only its symmetric part counts
    return 0.5 * (outside + outside.mT)


cholesky_factor.defvjp(a=_cholesky)


@implements(torch.linalg.cholesky)
def cholesky(A: Any, *, upper: bool = False) -> Any:
    """The lower factor or the upper, its transpose; the derivative is symmetric."""
    refuse_unless_square("cholesky", A)
    return cholesky_factor(A.mT).mT if upper else cholesky_factor(A)


@op(
    case(real("n n", diagonal=7.0))
    .refuses(RuntimeError, torch.ones(2, 3), match="must be batches of square matrices")
    .refuses(RuntimeError, torch.ones(2), match="must have at least 2 dimensions"),
    torch.linalg.slogdet,
    torch.slogdet,
    Tensor.slogdet,
)
def slogdet(A: Tensor) -> tuple[Tensor, Tensor]:
    """The determinant's sign, which is constant, and the logarithm of its absolute value."""
    return torch.linalg.slogdet(A)  # type: ignore[no-any-return]


def _logarithms(g: Any, ans: Any, A: Any) -> Any:
    """Of a singular matrix what torch's inverse has there, infinity and nan; but 0 where nobody asks for it: in the
    branch of a where that is not taken."""
    singular, g = (raw(ans[0]) == 0)[..., None, None], g[1][..., None, None]
    inverses = torch.linalg.inv(torch.where(singular, torch.eye(A.shape[-1], dtype=A.dtype, device=A.device), A))
    infinite = torch.linalg.inv_ex(raw(A)).inverse.mT * raw(g)
    return torch.where(singular & (raw(g) != 0), infinite, inverses.mT * g)


slogdet.defvjp(A=_logarithms)


@implements(torch.logdet, Tensor.logdet)
def logdet(A: Any) -> Any:
    """The logarithm of a positive determinant; nan for a negative one."""
    refuse_unless_square("logdet", A)
    sign, logarithm = slogdet(A)
    return torch.where(raw(sign) < 0, torch.nan, logarithm)


@implements(torch.linalg.matrix_power, torch.matrix_power, Tensor.matrix_power)
def matrix_power(A: Any, n: int) -> Any:
    """By repeated squaring; of the inverse where n is negative."""
    refuse_unless_square("matrix_power", A)
    if n < 0:
        return matrix_power(inv(A), -n)
    if n == 0:
        return A * 0 + torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    half = matrix_power(A, n // 2) if n > 1 else None
    if half is None:
        return A
    return half @ half @ A if n % 2 else half @ half


def refuse_unless_square(name: str, A: Any) -> None:
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"{name}: square matrices are needed, not shape {tuple(A.shape)}")
