"""jacrev a number of rows at a time: the same numbers, with memory for so many rows."""

from typing import Any

import pytest
import torch

import tape
from tape import jacfwd, jacrev

X = torch.rand(5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def f(x: Any) -> Any:
    return {"a": torch.outer(x, x.sin())[:2], "b": x.cumsum(0)}


@pytest.mark.parametrize("size", [1, 2, 4, 14, 15, 16, 1000])
def test_chunks_change_nothing(size: int) -> None:
    expected = torch.func.jacrev(f)(X)
    mapped = torch.func.vmap(jacrev(f, chunk_size=size))(X[None])
    for name, found in jacrev(f, chunk_size=size)(X).items():
        torch.testing.assert_close(found, expected[name])
        torch.testing.assert_close(mapped[name][0], expected[name])


def test_so_many_rows_are_worked_out_at_once() -> None:
    rows: list[int] = []

    @tape.primitive
    def seen(x: Any) -> Any:
        return x * 2

    def rule(g: Any) -> Any:
        rows.append(torch._C._functorch.get_unwrapped(g).shape[0] if torch._C._functorch.is_batchedtensor(g) else 1)
        return g * 2

    seen.defvjp(x=rule)
    assert jacrev(seen, chunk_size=2)(X).equal(2 * torch.eye(5, dtype=torch.float64))
    assert rows == [1, 2, 2, 1]


def test_nested_and_of_several_arguments() -> None:
    def product(x: Any, y: Any) -> Any:
        return (x**2).sum() * y

    found = jacfwd(jacrev(product, (0, 1), chunk_size=2), (0, 1))(X, X)
    expected = jacfwd(jacrev(product, (0, 1)), (0, 1))(X, X)
    for a, b in zip(tape.tree.leaves(found), tape.tree.leaves(expected), strict=True):
        assert a.equal(b)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_a_size_that_is_no_number_of_rows_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="chunk_size"):
        jacrev(f, chunk_size=size)
