"""A traced value has every attribute of a tensor, and answers as the tensor behind it does."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import TapeError, grad

X = torch.rand(2, 3, dtype=torch.float64)

# Torch's own bookkeeping, and what it warns of.
INTERNAL = {"volatile"}
ATTRIBUTES = [
    name
    for name in dir(Tensor)
    if not name.startswith("_") and name not in INTERNAL and not callable(getattr(Tensor, name))
]


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES if name not in ("H", "T", "imag")])
def test_it_answers_as_the_tensor_does(name: str) -> None:
    def f(x: Any) -> Any:
        inner, expected = getattr(x, name), getattr(X, name)
        if isinstance(expected, Tensor):
            torch.testing.assert_close(tape.stop_gradient(inner), expected)
        else:
            assert type(inner) is type(expected)
            assert inner == expected
        return x.sum()

    grad(lambda x: grad(f)(x).sum())(X)
    grad(f)(X)


def test_the_attributes_of_this_torch_are_looked_at() -> None:
    assert {"is_nested", "is_sparse", "is_quantized", "is_leaf", "grad", "real", "is_meta", "data", "layout"} <= set(
        ATTRIBUTES
    )


def test_data_is_a_constant_and_real_is_the_value() -> None:
    assert grad(lambda x: (x * x.data).sum())(X).equal(X)
    assert grad(lambda x: (x * x.real).sum())(X).equal(2 * X)


def test_the_imaginary_part_of_a_real_value_is_refused_as_by_torch() -> None:
    with pytest.raises(RuntimeError, match="imag"):
        grad(lambda x: x.imag.sum())(X)


@pytest.mark.parametrize("name", ["data", "grad", "requires_grad", "real"])
def test_an_attribute_cannot_be_assigned(name: str) -> None:
    with pytest.raises(TapeError, match=rf"x\.{name} = v .*in place"):
        grad(lambda x: [setattr(x, name, None), x.sum()][1])(X)
