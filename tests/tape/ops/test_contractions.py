from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import tape

EQUATIONS = {
    "ij,jk->ki": ((2, 3), (3, 4)),
    "ij->": ((2, 3),),
    "ba": ((2, 3),),
    "iij->j": ((2, 2, 3),),
    "...ij,jk": ((2, 2, 3), (3, 2)),
    "b...i,b...i->...b": ((2, 3, 2), (2, 2)),
    "ij,kl,il->jk": ((2, 3), (2, 2), (2, 2)),
    "i,j,k->kji": ((2,), (3,), (2,)),
    "ij,ij->ij": ((2, 1), (2, 3)),
    "bhqd, bhkd -> bhqk": ((2, 1, 3, 2), (2, 1, 2, 2)),
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation: str, agrees_with_torch: Callable[..., None]) -> None:
    inputs = [
        torch.linspace(-1, 2, torch.Size(shape).numel(), dtype=torch.float64).reshape(shape)
        for shape in EQUATIONS[equation]
    ]
    agrees_with_torch(lambda *xs: torch.einsum(equation, *xs), *inputs)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.einsum("ij,jk", x),
        lambda x: torch.einsum("i", x),
        lambda x: torch.einsum("ij->ik", x),
        lambda x: torch.einsum("ij->ii", x),
        lambda x: torch.einsum("ii", x),
        lambda x: torch.einsum("ij,ij", x, torch.ones(3, 3)),
        lambda x: torch.einsum("i$", x),
        lambda x: torch.tensordot(x, x, 1),
        lambda x: torch.tensordot(x, x, -1),
    ],
)
def test_what_does_not_fit_is_refused(f: Any) -> None:
    with pytest.raises(ValueError, match=r"einsum|tensordot"):
        tape.vjp(f, torch.ones(2, 3))


def test_attention_that_sees_nothing_gives_0() -> None:
    x = torch.ones(2, 3, dtype=torch.float64)
    mask = torch.tensor([[True, False], [False, False]])
    value, pullback = tape.vjp(lambda x: F.scaled_dot_product_attention(x, x, x, mask), x)
    torch.testing.assert_close(value, torch.tensor([[1.0] * 3, [0.0] * 3], dtype=torch.float64))
    assert torch.isfinite(pullback(torch.ones_like(value))[0]).all()


def test_attention_with_dropout_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="generator"):
        tape.vjp(lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5), torch.ones(2, 3))
