"""What torch would refuse, and what is not understood, ends in an error that speaks of the user's values."""

import pytest

import tape
from tests.tape.ops.spelling.beside_torch import evaluate, values


@pytest.mark.parametrize(
    "expression",
    [
        "x.unsqueeze(5)",
        "x.squeeze(2)",
        "x.select(2, 0)",
        "x.select(0, 7)",
        "x.narrow(0, 1, 7)",
        "x.narrow(0, 3, -1)",
        "x.flatten(0, 2)",
        "x.unflatten(2, (2, 2))",
        "x.movedim(0, 2)",
        "x.transpose(0, 2)",
        "x.split(2, 2)",
        "x.sum(2)",
        "x.permute(0, 2)",
        "x.take_along_dim(places, 2)",
        "b.t()",
        "x.repeat(2)",
        "x.split([1, 1])",
        "x.reshape(5, 5)",
        "x.view(torch.int64)",
        "x + w",
        "x @ x",
        "torch.cat([x, b])",
        "F.pad(b, (5, 1), mode='reflect')",
        "torch.div(x, p, rounding_mode='up')",
        "x.sum(foo=1)",
        "x.sum(out=plain)",
        "x.mul()",
        "x.mul(y, y)",
        "F.relu(x, inplace=True)",
    ],
)
def test_what_is_wrong_for_torch_or_for_us_is_refused(expression: str) -> None:
    with pytest.raises((IndexError, TypeError, ValueError, RuntimeError)) as caught:
        tape.vjp(lambda tensors: evaluate(expression, tensors), values())
    assert "Traced" not in str(caught.value)
