"""The estimate of a program's arithmetic."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings

import nn
import tape
from tape.core.registry import registry
from tape.programs.flops import _COUNTS
from tape.verify.drawing import calls

OTHERS = "detach view unsqueeze squeeze getitem T mT to bool int long float double argmax argmin any all count_nonzero "
OTHERS += "argsort"


def test_the_table_names_ops_that_there_are() -> None:
    assert set(_COUNTS) - set(OTHERS.split()) <= set(registry)


@pytest.mark.parametrize(
    ("f", "shapes", "expected"),
    [
        (torch.matmul, [(5, 2, 3), (5, 3, 4)], 5 * 2 * 3 * 4 * 2),
        (torch.matmul, [(3,), (3,)], 6),
        (lambda x, y: x + y, [(4, 1), (1, 5)], 20),
        (torch.sin, [(4, 5)], 20),
        (lambda x: x.sum(1), [(4, 5)], 20),
        (lambda x: x.T.reshape(-1)[1:].flip(0), [(4, 5)], 0),
        (lambda x: torch.index_add(torch.zeros(9), 0, torch.tensor([1, 2]), x), [(2,)], 2),
        (lambda x: torch.sort(x).values, [(8,)], 24),
        (torch.linalg.cholesky, [(2, 2)], 2),
        (lambda x: torch.where(x > 0, x, 0.0), [(3,)], 3),
        (lambda x: x * 2, [(0, 3)], 0),
    ],
)
def test_counts(f: Callable[..., Any], shapes: list[tuple[int, ...]], expected: int) -> None:
    args = [torch.eye(*shape) if len(shape) == 2 else torch.ones(shape) for shape in shapes]
    assert tape.trace(f)(*args).flops == expected


@pytest.mark.parametrize("name", sorted(registry))
def test_every_op_has_a_count(name: str) -> None:
    primitive, domain = registry[name]

    @settings(max_examples=3)
    @given(calls(domain))
    def counts(call: Any) -> None:
        floats = [i for i, x in enumerate(call.args) if isinstance(x, torch.Tensor) and x.is_floating_point()]

        def f(*inputs: Any) -> Any:
            args = list(call.args)
            for i, x in zip(floats, inputs, strict=True):
                args[i] = x
            return primitive(*args, **call.kwargs)

        assert tape.trace(f)(*(call.args[i] for i in floats)).flops >= 0

    counts()


def test_a_convolution_takes_about_what_its_definition_takes() -> None:
    program = tape.trace(nn.conv2d)(torch.ones(2, 3, 16, 16), torch.ones(5, 3, 3, 3))
    definition = 2 * 2 * 14 * 14 * 5 * 3 * 9
    assert definition <= program.flops <= 1.2 * definition
