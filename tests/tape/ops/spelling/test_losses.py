"""Spellings of losses, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
F.huber_loss(x, y)
F.huber_loss(x, y, reduction="sum", delta=0.5)
F.huber_loss(x, y, weight=p)
F.smooth_l1_loss(x, y)
F.smooth_l1_loss(x, y, reduction="none", beta=0.5)
F.smooth_l1_loss(x, y, beta=0.0)
F.cross_entropy(x, classes)
F.cross_entropy(x, classes, weight=plain[0].abs(), ignore_index=3, label_smoothing=0.1)
F.cross_entropy(x, classes, reduction="sum", label_smoothing=0.2)
F.cross_entropy(x, p)
F.cross_entropy(x, target=p, weight=p[1], label_smoothing=0.3, reduction="none")
F.cross_entropy(b, classes[:2, None].expand(2, 4) % 3, reduction="none")
F.cross_entropy(v, classes[0])
F.nll_loss(x, classes)
F.nll_loss(x, classes, plain[0].abs(), ignore_index=0, reduction="sum")
F.binary_cross_entropy(p / 3, u * u)
F.binary_cross_entropy(p / 3, plain.abs() / 2, weight=plain.abs(), reduction="sum")
F.binary_cross_entropy_with_logits(x, u * u)
F.binary_cross_entropy_with_logits(x, u * u, weight=plain.abs(), reduction="none", pos_weight=plain[0].abs())
F.kl_div(x, p, reduction="sum")
F.kl_div(x, y, reduction="batchmean", log_target=True)
F.poisson_nll_loss(x, p)
F.poisson_nll_loss(p, h, log_input=False, full=True, eps=1e-3, reduction="sum")
F.soft_margin_loss(x, plain.sign())
F.multilabel_soft_margin_loss(x, mask.double(), weight=p[0], reduction="sum")
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
