"""What takes a traced value as a constant gives plain values, so that nothing is recorded by mistake."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x > 0,
        lambda x: x.argsort(),
        lambda x: torch.floor(x),
        lambda x: torch.sign(x),
        lambda x: x.new_zeros(3),
        lambda x: torch.zeros_like(x * 2),
        lambda x: x.detach(),
        lambda x: torch.rand_like(x, generator=torch.Generator().manual_seed(0)),
    ],
)
def test_a_constant_is_a_plain_tensor_at_every_level(f: Any) -> None:
    seen: list[Any] = []
    tape.grad(lambda x: tape.grad(lambda y: (seen.extend([f(x), f(y), f(x * y)]), y.sum())[1])(x).sum())(torch.ones(3))
    assert [type(value) for value in seen] == [Tensor] * 3


def test_writing_into_a_stopped_copy_leaves_the_input_alone() -> None:
    x = torch.ones(3)

    def f(x: Any) -> Any:
        scratch = x.detach().clone()
        scratch[0] = 5.0
        return (x * scratch).sum()

    assert tape.grad(f)(x).tolist() == [5, 1, 1]
    assert x.tolist() == [1, 1, 1]


def test_a_stopped_intermediate_that_is_written_into_is_noticed() -> None:
    def f(x: Any) -> Any:
        y = torch.exp(x)
        y.detach().zero_()
        return y.sum()

    with pytest.raises(tape.TapeError, match=r"exp .*in place"):
        tape.grad(f)(torch.ones(3))
