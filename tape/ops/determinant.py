"""The determinant, with its derivatives where it is 0 too: those of a singular matrix are its cofactors."""

from typing import Any

import torch
from torch import Tensor

from tape.core.implementing import implements
from tape.core.traced import raw
from tape.ops.linalg import inv, refuse_unless_square, slogdet

# Of a matrix that lacks more ranks, the determinant's derivatives of so many orders are 0.
_SMALL = 3


@implements(torch.linalg.det, torch.det, Tensor.det)
def det(A: Any) -> Any:
    """Written out of a small matrix, by singular values of a larger one. In float64, where products of numbers of
    another dtype stay within the range, and differences of them keep its digits."""
    refuse_unless_square("det", A)
    return _det(A.to(torch.float64)).to(A.dtype)


def _det(A: Any) -> Any:
    """In the basis of its singular vectors, which count as constants because the determinant is the same in any, a
    matrix is diagonal and its smallest values come last. What the others leave of the last rows and columns, their
    Schur complement, is a small matrix, and may be singular.
    """
    kept = A.shape[-1] - _SMALL
    if kept <= 0:
        return _written_out(A)
    left, values, right = torch.linalg.svd(raw(A))
    turned = left.mT @ A @ right.mT
    large = values[..., :kept]
    # Nothing is divided by what is 0 but for rounding: the product has that 0.
    divisor = torch.clamp(large, min=torch.finfo(large.dtype).eps * A.shape[-1] * values[..., :1])
    divisor = torch.where(divisor == 0, 1.0, divisor)
    rows = turned[..., :kept, :] / divisor.unsqueeze(-1)
    first = rows[..., :kept] + torch.diag_embed(1 - large / divisor)
    rest = turned[..., kept:, kept:] - turned[..., kept:, :kept] @ inv(first) @ rows[..., kept:]
    sign, logarithm = slogdet(first)
    turn = torch.linalg.det(left) * torch.linalg.det(right) * torch.prod(large, -1)
    return turn * raw(sign) * torch.exp(logarithm) * _written_out(rest)


def _written_out(A: Any) -> Any:
    """By the first row."""
    size = A.shape[-1]
    if size == 0:
        return torch.ones(A.shape[:-2], dtype=A.dtype, device=A.device)
    if size == 1:
        return A[..., 0, 0]
    if size == 2:
        return A[..., 0, 0] * A[..., 1, 1] - A[..., 0, 1] * A[..., 1, 0]
    return torch.sum(A[..., 0, :] * torch.linalg.cross(A[..., 1, :], A[..., 2, :]), -1)
