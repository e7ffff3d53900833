"""Spellings of variances and deviations, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.var(x)
torch.var(x, False)
torch.var(x, 1)
torch.var(x, 1, True, True)
torch.var(x, dim=0, correction=2, keepdim=True)
torch.var(x, dim=(0, 1), unbiased=False)
x.var()
x.var(0)
x.var(dim=1, correction=0)
torch.std(x)
torch.std(x, dim=1, keepdim=True)
x.std(0, unbiased=False)
x.std(False)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
