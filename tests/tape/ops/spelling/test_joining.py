"""Spellings of joining tensors and taking them apart, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
torch.nn.utils.rnn.pad_sequence([x, y[:2]])
torch.nn.utils.rnn.pad_sequence([x[:1], y], True, -1.0, "left")
[row for row in x]
torch.cat([x, y])
torch.cat((x, plain), 1)
torch.cat([x, y], dim=-1)
torch.cat(tensors=[x, y], axis=1)
torch.cat([x, torch.zeros(0), y])
torch.cat([x, x.float()])
torch.concat([x, y], 1)
torch.concatenate([x, y], axis=1)
torch.stack([x, y])
torch.stack([x, plain, y], dim=-1)
torch.hstack([x, y])
torch.hstack([s, v])
torch.vstack([x, v])
torch.row_stack([x, y])
torch.atleast_1d(s)
torch.atleast_1d(v)
torch.atleast_2d(s)
torch.atleast_2d(v)
torch.atleast_2d(x)
torch.split(x, 2, 1)
torch.split(x, [1, 2])
torch.split(x, split_size_or_sections=2, dim=0)
x.split(3, dim=1)
x.split([1, 2])
torch.split_with_sizes(x, [1, 3], 1)
x.split_with_sizes([1, 2])
torch.chunk(x, 3, 1)
x.chunk(2)
x.chunk(chunks=2, dim=1)
x[:0].chunk(2)
torch.unbind(x)
torch.unbind(x, dim=1)
x.unbind(1)
F.pad(x, (1, 2))
F.pad(x, (1, -1, 0, 2), value=3.0)
F.pad(x, pad=(1, 1), mode="constant", value=0.5)
F.pad(b, (2, 1), mode="reflect")
F.pad(b, (1, 3), mode="replicate")
F.pad(b, (4, 1), mode="circular")
F.pad(img, (2, 1, 1, 2), "reflect")
torch.atleast_1d(s, v)
torch.atleast_3d(x)
torch.atleast_3d(v, s)
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
