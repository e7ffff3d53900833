"""Spellings of norms, distances and the losses made of them, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
F.cosine_embedding_loss(x, y, classes.sign() * 2 - 1, margin=0.1, reduction="sum")
F.hinge_embedding_loss(x, plain.sign(), margin=0.5)
F.margin_ranking_loss(x, y, plain.sign(), margin=0.2, reduction="sum")
F.triplet_margin_loss(x, y, p)
F.triplet_margin_loss(x, y, p, margin=0.5, p=1.5, eps=1e-3, swap=True, reduction="sum")
torch.linalg.vector_norm(x)
torch.linalg.vector_norm(x, 3, dim=1, keepdim=True)
torch.linalg.vector_norm(x, float("inf"), (0, 1))
torch.linalg.vector_norm(x, ord=-1.5, dim=0, dtype=torch.float64)
torch.linalg.matrix_norm(x)
torch.linalg.matrix_norm(b, 1, dim=(0, 2), keepdim=True)
torch.linalg.matrix_norm(b, -float("inf"))
torch.linalg.norm(x)
torch.linalg.norm(x, float("inf"))
torch.linalg.norm(b, 2, dim=1)
torch.norm(x)
torch.norm(x, p=1.5, dim=1, keepdim=True)
torch.norm(b, dim=(0, 2))
x.norm()
x.norm(2)
x.norm(p="fro", dim=-1)
torch.dist(x, y)
x.dist(y, 3)
torch.cdist(x, y)
torch.cdist(x, w.T, p=1.5)
torch.pairwise_distance(x, y, p=3)
F.pairwise_distance(x, y, keepdim=True)
F.normalize(x)
F.normalize(b, p=3, dim=(1, 2), eps=0.1)
F.cosine_similarity(x, y)
torch.cosine_similarity(x, y, dim=0)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
