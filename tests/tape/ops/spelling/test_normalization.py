"""Spellings of normalisation, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
F.layer_norm(x, (4,))
F.layer_norm(x, (3, 4), weight=y, bias=p, eps=0.1)
torch.layer_norm(x, (4,), v, v)
F.rms_norm(x, (4,))
torch.rms_norm(x, (4,), v, 0.1)
F.group_norm(img, 2)
F.group_norm(img.reshape(1, 4, 4, 5), 2, weight=v, bias=v, eps=0.1)
F.instance_norm(img)
F.instance_norm(img, weight=v[:2], bias=r5[:2], eps=0.1)
F.batch_norm(x, None, None, training=True)
F.batch_norm(img, plain[0, :2], plain[2, :2].abs(), weight=v[:2], bias=r5[:2], eps=0.1)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
