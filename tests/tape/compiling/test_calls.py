"""How operations are called: into planned memory wherever that gives the same bits."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from tape import compile
from tests.tape.compiling.comparing import identical

side = st.integers(-2, 2)


@given(
    pad=st.lists(side, min_size=6, max_size=6),
    dims=st.integers(1, 3),
    channels_last=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.bool]),
)
def test_padding_and_cropping(pad: list[int], dims: int, channels_last: bool, dtype: torch.dtype) -> None:
    x = torch.rand(2, 4, 5, 6, generator=torch.Generator().manual_seed(0)).mul(9).to(dtype)
    x = x.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    f = compile(lambda x: F.pad(x | x if dtype is torch.bool else x * 2, pad[: 2 * dims], value=1).clone())
    for _ in range(3):
        assert identical(f(x), f.function(x))


def test_a_padded_tensor_lies_in_planned_memory() -> None:
    program = compile(lambda x: F.pad(x * 2, (1, 1, 1, 1)).sum()).program(torch.rand(60, 60))
    assert program.memory_bytes >= 62 * 62 * 4


@pytest.mark.parametrize("value", [0.0, -torch.inf, torch.nan, 3])
def test_what_stands_around_may_be_any_number(value: float) -> None:
    f = compile(lambda x: F.pad(x.exp(), (2, 0, 0, 1), value=value))
    for _ in range(2):
        assert identical(f(torch.ones(3, 3)), f.function(torch.ones(3, 3)))
