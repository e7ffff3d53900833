"""Spellings of softmax and its kin, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.softmax(x, 1)
torch.softmax(x.float(), dim=0, dtype=torch.float64)
torch.special.softmax(x, -1)
F.softmax(x, dim=1)
F.softmax(x, -1, dtype=torch.float64)
x.softmax(0)
x.softmax(dim=-1)
torch.log_softmax(x, 1)
torch.special.log_softmax(x, 0)
F.log_softmax(x, dim=-1)
x.log_softmax(1)
F.softmin(x, dim=1)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
