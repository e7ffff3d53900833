"""Spellings of splits by number and place, and of stacks of columns and layers, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.tensor_split(x, 3, 1)
torch.tensor_split(x, (1, 3), dim=1)
x.tensor_split(2)
torch.hsplit(x, 2)
x.hsplit([1, 2])
torch.vsplit(x, 3)
x.vsplit((1, 2))
torch.dsplit(b, 2)
b.dsplit(2)
torch.dstack([x, y])
torch.column_stack([x, v[:3]])
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
