"""When two pytrees of tensors are the same."""

from typing import Any

import torch

import tape


def same(actual: Any, expected: Any) -> None:
    structure, due = tape.tree.flatten(actual)[1], tape.tree.flatten(expected)[1]
    assert structure == due, f"{structure} is not {due}"
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e)
