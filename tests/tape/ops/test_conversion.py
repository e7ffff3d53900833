"""Conversions: whose dtype a cotangent has, and what has none."""

from typing import Any

import pytest
import torch

import tape


@pytest.mark.parametrize(
    ("there", "first", "second"),
    [
        (lambda x: x.float(), torch.float32, torch.float64),
        (lambda x: x.to(torch.bfloat16), torch.bfloat16, torch.float64),
        (lambda x: x.half().double(), torch.float64, torch.float64),
    ],
)
def test_a_conversion_gives_the_cotangent_back_in_the_inputs_dtype(there: Any, first: Any, second: Any) -> None:
    out, pullback = tape.vjp(there, torch.ones(2, dtype=torch.float64))
    assert out.dtype == first
    (cotangent,) = pullback(out)
    assert cotangent.dtype == second


def test_a_conversion_to_integers_is_a_constant() -> None:
    out, pullback = tape.vjp(lambda x: (x.to(torch.int32), x.long() * x), torch.tensor([1.7, -2.0]))
    assert out[0].tolist() == [1, -2]
    assert pullback((None, torch.ones(2)))[0].tolist() == [1, -2]
