"""Numpy's numbers and arrays beside traced values, and tensors that torch would make of traced values."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import tape
from tape import grad


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([[1.0, -2.0], [0.5, 4.0]], dtype=torch.float64)


def refusal(f: Callable[[Any], Any], x: Tensor, error: type[Exception] = tape.TapeError) -> str:
    with pytest.raises(error) as caught:
        grad(lambda x: [f(x), x.sum()][1])(x)
    assert "Traced" not in str(caught.value)
    return str(caught.value)


def statement(code: str) -> Callable[[Any], Any]:
    """A function of `x` that runs a statement."""
    plain = torch.zeros(2, 2, dtype=torch.float64)
    return lambda x: exec(code, {"x": x, "plain": plain, "torch": torch, "np": np})


@pytest.mark.parametrize("code", ["x * np.ones((2, 2))", "x + np.ones(2)"])
def test_an_array_beside_it_says_what_to_write(code: str, x: Tensor) -> None:
    assert "torch.as_tensor" in refusal(statement(code), x, TypeError)


@pytest.mark.parametrize("number", [np.sqrt(2.0), np.float32(2.0), np.int64(3), np.array(1.5)])
@pytest.mark.parametrize("operator", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_a_number_of_numpys_is_a_number_on_either_side(operator: Any, number: Any, x: Tensor) -> None:
    x = x.abs()
    for f, plain in (
        (lambda x: operator(number, x), lambda x: operator(number.item(), x)),
        (lambda x: operator(x, number), lambda x: operator(x, number.item())),
    ):
        expected = grad(lambda x, plain=plain: plain(x).sum())(x)
        torch.testing.assert_close(grad(lambda x, f=f: f(x).sum())(x), expected)


@pytest.mark.parametrize(
    "code",
    [
        "np.arctan2(np.float64(1.0), x)",
        "np.add.outer(np.float64(1.0), x)",
        "np.add(np.float64(1.0), x, dtype=np.float64)",
        "np.add(x, np.float64(1.0))",
        "np.multiply(np.ones(2), x)",
        "np.multiply(1.0, x)",
    ],
)
def test_another_call_of_numpys_than_an_operator_beside_a_number_is_refused(code: str, x: Tensor) -> None:
    name = code.partition("(")[0].removesuffix(".outer").replace("np.", "numpy.")
    message = refusal(statement(code), x)
    assert f" in {name} cannot become a numpy array" in message
    assert "write torch's function of the name, and torch.as_tensor(array) for an array; write tape.stop" in message


def test_a_number_of_numpys_is_compared(x: Tensor) -> None:
    expected = (x < 1.0).double()
    assert grad(lambda x: (x * (np.float64(1.0) > x)).sum())(x).equal(expected)
    assert grad(lambda x: (x * (np.array(1.0) >= x)).sum())(x).equal((x <= 1.0).double())


@pytest.mark.parametrize(
    "code",
    [
        "torch.tensor(x)",
        "torch.tensor(x[0, 0])",
        "torch.tensor([x[0, 0], x[0, 1]])",
        "torch.tensor([[x[0, 0]]], dtype=torch.float32)",
        "torch.as_tensor(x)",
        "torch.asarray([x[0, 0]])",
        "torch.Tensor([x[0, 0]])",
        "plain.new_tensor(x)",
    ],
)
def test_making_a_tensor_of_it_says_what_to_write(code: str, x: Tensor) -> None:
    for error in (TypeError, tape.TapeError):
        assert "torch.stack" in refusal(statement(code), x, error)
