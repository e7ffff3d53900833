"""Spellings of dtype, device and layout in memory, beside torch itself."""

import pytest

from tests.tape.ops.spelling.beside_torch import agree, expressions

SPELLINGS = expressions("""
x.type()
x.type(torch.float32)
x.type("torch.FloatTensor")
torch.clone(x)
x.clone()
x.clone(memory_format=torch.contiguous_format)
x.contiguous()
x.T.contiguous(memory_format=torch.contiguous_format)
x.float()
x.double()
x.half()
x.bfloat16()
x.to(torch.float32)
x.to("cpu")
x.to("cpu", torch.float32)
x.to(device="cpu", dtype=torch.float32)
x.to(plain.float())
x.to(torch.float32, copy=True)
x.to(torch.int64)
x.type_as(plain.float())
x.cpu()
""")


@pytest.mark.parametrize("expression", SPELLINGS)
def test_a_torch_expression_has_torchs_value_and_gradient(expression: str) -> None:
    agree(expression)
