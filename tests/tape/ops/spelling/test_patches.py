"""Spellings of patches of images and their sum, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
F.unfold(img, 2)
F.unfold(img, kernel_size=(3, 2), dilation=(1, 2), padding=1, stride=(2, 1))
F.unfold(img[0], 2)
F.fold(cols, (4, 5), 2)
F.fold(cols[0], (4, 5), 2)
F.fold(cols, output_size=(4, 5), kernel_size=(2, 2), stride=1)
torch.repeat_interleave(x, 2)
torch.repeat_interleave(x, rows, dim=0)
torch.repeat_interleave(x, torch.tensor([3]), dim=0)
x.repeat_interleave(2, 1)
x.repeat_interleave(repeats=rows, dim=0, output_size=3)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
