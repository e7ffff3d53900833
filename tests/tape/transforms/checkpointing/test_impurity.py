"""A checkpointed function that is not pure is refused."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import checkpoint, grad, vjp
from tests.tape.transforms.checkpointing.comparison import block, same_bits


def test_what_it_keeps_has_ended(x: Tensor) -> None:
    kept: list[Any] = []
    f = checkpoint(lambda x: (kept.append(x * x), x * 2)[1])
    for wrapped in (f, lambda x: checkpoint(lambda: f(x))()):
        for use in (lambda: kept[-1].sum() * 2, lambda: kept[-1]):
            with pytest.raises(tape.TapeError, match="has ended"):
                grad(lambda x, use=use, wrapped=wrapped: wrapped(x).sum() * use())(x)


@pytest.mark.parametrize(
    "change",
    [lambda x: x.add_(1), lambda x: x.__setitem__(0, 1.0), lambda x: torch.relu_(x), lambda x: x[0].zero_()],
)
def test_changes_in_place_are_refused_at_once(change: Callable[[Any], Any], x: Tensor) -> None:
    for f in (checkpoint(change), lambda x: checkpoint(lambda: change(x))()):
        before = x.clone()
        with pytest.raises(tape.TapeError, match="in place"):
            vjp(f, x)
        same_bits(x, before)


def test_other_shapes_in_the_second_run(x: Tensor) -> None:
    runs: Iterator[int] = iter(range(2, 4))
    _, pullback = vjp(checkpoint(lambda x: x[: next(runs)]), x)
    with pytest.raises(tape.TapeError, match="second run returned tensors of other shapes"):
        pullback(x[:2])


def test_other_values_in_the_second_run(x: Tensor) -> None:
    runs: Iterator[int] = iter(range(2))
    _, pullback = vjp(lambda x, w: checkpoint(lambda x: x * (w if next(runs) else 2))(x), x, x)
    with pytest.raises(tape.TapeError, match="second run uses a traced value that the first did not"):
        pullback(x)


def test_an_argument_that_was_changed_in_place_is_noticed(x: Tensor) -> None:
    _, pullback = vjp(checkpoint(block), x)
    x.add_(1)
    with pytest.raises(tape.TapeError, match=r"checkpoint of block .* in place"):
        pullback(x)


@pytest.mark.parametrize("level", [1, 2])
def test_an_exception_leaves_the_engine_usable(level: int, x: Tensor) -> None:
    def failing(x: Any) -> Any:
        raise KeyError("mine")

    f: Callable[..., Any] = lambda x: checkpoint(lambda: failing(x))()
    for _ in range(level):
        f = grad(f)
    with pytest.raises(KeyError, match="mine"):
        f(x)
    same_bits(grad(lambda x: checkpoint(lambda: (x * x).sum())())(x), 2 * x)
