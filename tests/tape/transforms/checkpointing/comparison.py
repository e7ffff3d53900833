"""A function to checkpoint, and when two results are the same."""

from typing import Any

import torch

import tape


def block(x: Any) -> Any:
    return torch.sin(torch.tanh(x) * 2) * torch.exp(-x * x)


def same_bits(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        assert torch.equal(a, e), (a, e)


def close(actual: Any, expected: Any) -> None:
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e, rtol=1e-10, atol=1e-10)
