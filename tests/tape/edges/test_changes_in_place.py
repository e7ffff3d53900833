"""A change in place is right, or an error that says what to write instead."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tape import TapeError, grad
from tests.tape.edges.roads import Derivative, close, every_road


@every_road
@pytest.mark.parametrize(
    ("code", "instead"),
    [
        ("x[0] = 1.0", "torch.where"),
        ("x += 1", "x = x + y"),
        ("x.add_(1)", "x = x.add("),
        ("x[0].mul_(2)", "x = x.mul("),
        ("plain[0] = x[0]", "torch.cat"),
        ("plain += x", "without the underscore"),
        ("torch.add(plain, x, out=plain)", "y = add("),
        ("torch.nn.functional.relu(x, inplace=True)", "inplace=False"),
    ],
)
def test_in_place_operations_say_what_to_write(derivative: Derivative, code: str, instead: str, x: Tensor) -> None:
    def f(x: Any) -> Any:
        scope = {"x": x * 1, "plain": torch.zeros(3, dtype=torch.float64), "torch": torch}
        exec(code, scope)
        return scope["x"].sum()

    with pytest.raises(TapeError, match="in place") as caught:
        derivative(f, x)
    assert instead in str(caught.value)


def test_in_place_operations_on_what_is_not_traced(x: Tensor) -> None:
    def f(x: Any) -> Any:
        plain = torch.zeros(3, dtype=torch.float64)
        plain += 2
        plain[0] = 5.0
        return (x * plain).sum()

    close(grad(f)(x), torch.tensor([5.0, 2.0, 2.0], dtype=torch.float64))

    def spoils_its_own_input(y: Any) -> Any:
        squared = y * y
        x.add_(1)
        return squared.sum()

    with pytest.raises(TapeError, match="derivative of multiply needs was changed in place"):
        grad(spoils_its_own_input)(x)
