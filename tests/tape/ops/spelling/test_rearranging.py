"""Spellings of diagonals, windows, grids, blocks and turns, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.diagonal(x)
torch.diagonal(b, 1, 0, 2)
b.diagonal(offset=-1, dim1=2, dim2=1)
torch.linalg.diagonal(b)
torch.diag_embed(x)
torch.diag_embed(x, 1, 0, -1)
v.diag_embed(offset=-2)
torch.diag(v)
torch.diag(x, 1)
v.diag(-1)
torch.diagflat(x)
v.diagflat(1)
torch.trace(x)
x.trace()
x.unfold(1, 2, 1)
b.unfold(dimension=-1, size=2, step=2)
torch.fliplr(x)
x.fliplr()
torch.flipud(x)
x.flipud()
torch.rot90(x)
torch.rot90(b, 3, (0, 2))
x.rot90(k=2)
torch.meshgrid(v, r5, indexing="ij")
torch.meshgrid(v, r5, indexing="xy")
torch.cartesian_prod(v, r5)
torch.combinations(v)
torch.combinations(v, r=3, with_replacement=True)
torch.block_diag(x, v, s)
F.pixel_shuffle(img.reshape(1, 4, 4, 5), 2)
torch.pixel_shuffle(img.reshape(1, 4, 4, 5), 2)
F.pixel_unshuffle(img[..., :4], 2)
torch.pixel_unshuffle(img[..., :4], 2)
torch.channel_shuffle(img.reshape(1, 4, 4, 5), 2)
F.channel_shuffle(img.reshape(1, 4, 4, 5), groups=2)
b.sum_to_size(1, 4)
b.sum_to_size((3, 1))
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
