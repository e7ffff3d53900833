"""Spellings of differences of neighbours, areas under them and the vector product, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.linalg.cross(m, x[:, :3])
torch.linalg.cross(m, x[:, :3], dim=0)
torch.cross(x, y, 0)
torch.cross(x, y, dim=0)
x.cross(y, dim=0)
torch.diff(x)
torch.diff(x, n=2, dim=0)
torch.diff(x, prepend=y, append=p)
x.diff(dim=1)
torch.trapezoid(x)
torch.trapezoid(x, dx=0.5, dim=0)
torch.trapz(x, v)
torch.cumulative_trapezoid(x, p)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
