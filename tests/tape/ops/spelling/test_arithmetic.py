"""Spellings of the operators, of extremes and of choosing, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
x + y
x + 2
2 + x
x + 0.5 * s
plain + x
torch.add(x, y)
torch.add(x, other=y, alpha=2.5)
torch.add(input=x, other=2)
torch.add(plain, x)
x.add(y, alpha=2)
x.add(other=y)
x - y
x - 2
2 - x
plain - x
torch.sub(x, y, alpha=2)
torch.sub(input=x, other=y)
torch.subtract(x, y, alpha=-1)
x.sub(y, alpha=3)
x.subtract(y)
torch.rsub(x, y)
torch.rsub(x, y, alpha=2)
torch.rsub(x, 2, alpha=3)
x * y
3 * x
x * 3
plain * x
x * mask
torch.mul(x, other=y)
torch.multiply(x, y)
x.mul(y)
x.multiply(2)
x / p
x / 2
2 / p
plain / p
p.__rdiv__(2.0)
torch.div(x, p)
torch.div(x, p, rounding_mode="floor")
torch.div(x, 0.1, rounding_mode="trunc")
torch.divide(x, p)
torch.true_divide(x, other=p)
x.div(p)
x.div(p, rounding_mode="floor")
x.divide(p)
x.true_divide(p)
p ** y
p ** 2
p ** 0
p ** -1.5
x ** 3
2 ** x
0.5 ** x
plain.abs() ** x
torch.pow(p, y)
torch.pow(p, exponent=2)
torch.pow(input=p, exponent=y)
torch.pow(2, x)
p.pow(y)
p.pow(exponent=2.5)
pow(p, 2)
x % 3
x % p
3 % p
torch.remainder(x, p)
torch.remainder(x, other=3)
x.remainder(p)
torch.maximum(x, y)
torch.maximum(x, other=plain)
x.maximum(y)
torch.minimum(x, y)
x.minimum(y)
torch.atan2(x, p)
torch.atan2(x, other=p)
torch.arctan2(x, p)
x.atan2(p)
x.arctan2(p)
torch.where(mask, x, y)
torch.where(mask, input=x, other=y)
torch.where(mask, x, 0.0)
torch.where(x > y, x, y)
x.where(mask, y)
x.where(mask, other=y)
x.where(mask, 1.0)
torch.masked_fill(x, mask, 2.0)
x.masked_fill(mask, 2.0)
x.masked_fill(mask=mask, value=s)
torch.lerp(x, y, 0.3)
torch.lerp(x, end=y, weight=p)
x.lerp(y, p)
torch.addcmul(x, y, p)
torch.addcmul(x, y, p, value=2.0)
torch.addcmul(x, tensor1=y, tensor2=p, value=2.0)
x.addcmul(y, p, value=3.0)
torch.addcdiv(x, y, p, value=2.0)
x.addcdiv(y, p)
""")

# What torch has no derivative for, and the same with one.
WITH_A_DERIVATIVE = {
    "3 % p": "torch.full_like(p, 3.0) % p",
}


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression, WITH_A_DERIVATIVE.get(expression))
