"""Spellings of tensors filled with one number, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.full((2, 3), s)
torch.full(size=(2,), fill_value=s, dtype=torch.float32)
torch.full((2,), s, dtype=torch.int64)
torch.full_like(x, 3.0)
torch.full_like(x, s)
torch.full_like(plain, fill_value=s)
torch.full_like(mask, s)
x.new_full((2,), 3.0)
x.new_full((2,), s)
x.new_tensor([1, 2])
torch.fill(x, s)
torch.fill(x, 2.0)
torch.scalar_tensor(s)
torch.heaviside(x, y)
x.heaviside(y)
torch.heaviside(x * mask, y)
""")

# What torch takes only numbers for, or has no derivative for, and the same with one.
WITH_A_DERIVATIVE = {
    "torch.full((2, 3), s)": "s.float().expand(2, 3)",
    "torch.full(size=(2,), fill_value=s, dtype=torch.float32)": "s.float().expand(2)",
    "torch.full((2,), s, dtype=torch.int64)": "s.long().expand(2)",
    "torch.full_like(x, s)": "s.expand(3, 4)",
    "torch.full_like(plain, fill_value=s)": "s.expand(3, 4)",
    "torch.full_like(mask, s)": "s.bool().expand(3, 4)",
    "x.new_full((2,), s)": "s.expand(2)",
    "torch.scalar_tensor(s)": "s.float()",
    "torch.heaviside(x, y)": "torch.heaviside(x.detach(), y.detach())",
    "x.heaviside(y)": "x.detach().heaviside(y.detach())",
    "torch.heaviside(x * mask, y)": "torch.where(x * mask == 0, y, (x > 0).double())",
}


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression, WITH_A_DERIVATIVE.get(expression))
