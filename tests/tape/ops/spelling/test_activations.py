"""Spellings of activation functions, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
F.elu(x)
F.elu(x, 0.5)
F.elu(x, alpha=2.0)
F.selu(x)
torch.selu(x)
F.celu(x, 0.5)
torch.celu(x, alpha=0.5)
F.gelu(x)
F.gelu(x, approximate="tanh")
F.silu(x)
F.mish(x)
F.hardtanh(x)
F.hardtanh(x, -0.5, 0.7)
F.hardtanh(x, min_val=-0.5, max_val=0.7)
F.relu6(5 * x)
F.hardsigmoid(3 * x)
F.hardswish(3 * x)
F.softsign(x)
F.tanhshrink(x)
F.softshrink(x)
F.softshrink(x, 0.2)
F.hardshrink(x)
torch.hardshrink(x, lambd=0.3)
x.hardshrink(0.2)
F.threshold(x, 0.1, 2.0)
F.threshold(x, threshold=0.1, value=-2.0)
F.prelu(x, v)
F.prelu(x, weight=r5[:1])
torch.prelu(x, v)
x.prelu(v)
F.glu(x)
F.glu(x, dim=1)
F.rrelu(x)
F.rrelu(x, lower=0.1, upper=0.3, training=False)
F.dropout(x, training=False)
F.dropout(x, p=0.0)
F.dropout1d(b, 0.0)
F.dropout2d(img, training=False)
F.dropout3d(img, p=0.5, training=False)
F.alpha_dropout(x)
F.feature_alpha_dropout(x, 0.5, False)
""")

# Where torch's derivative is a rounded one, the same without.
WITH_A_DERIVATIVE = {
    "F.hardsigmoid(3 * x)": "F.relu6(3 * x + 3) / 6",  # torch's sixth is a float32
}


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression, WITH_A_DERIVATIVE.get(expression))
