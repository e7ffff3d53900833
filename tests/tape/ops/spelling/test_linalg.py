"""Spellings of linear systems and factorisations, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.linalg.solve(m, x)
torch.linalg.solve(m, x.T, left=False)
torch.linalg.solve(m, v[:3])
torch.linalg.inv(m)
torch.inverse(m)
m.inverse()
torch.linalg.solve_triangular(m, x, upper=True)
torch.linalg.solve_triangular(m, x.T, upper=False, left=False, unitriangular=True)
torch.linalg.cholesky(m @ m.T)
torch.linalg.cholesky(m @ m.T, upper=True)
torch.linalg.slogdet(m)
torch.slogdet(m)
m.slogdet()
torch.logdet(m)
m.logdet()
torch.linalg.matrix_power(m, 3)
torch.matrix_power(m, -2)
m.matrix_power(0)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
