"""A compiled function beside the function itself."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor

import tape
from tape import tree
from tape.compiling.noting import note
from tape.verify.fuzz.drawing import Deck, draw_program
from tape.verify.fuzz.program import Program


def identical(one: Any, other: Any) -> bool:
    """Whether two pytrees hold the same bits."""
    leaves, treedef = tree.flatten(one)
    others, other_treedef = tree.flatten(other)
    return treedef == other_treedef and all(map(_identical, leaves, others))


def _identical(x: Any, y: Any) -> bool:
    if not isinstance(x, Tensor):
        return bool(x is y or x == y)
    if (x.shape, x.dtype) != (y.shape, y.dtype):
        return False
    if x.is_complex():
        x, y = torch.view_as_real(x.resolve_conj()), torch.view_as_real(y.resolve_conj())
    numbers = ~x.isnan()
    return torch.equal(numbers, ~y.isnan()) and torch.equal(x[numbers], y[numbers])


def pulled_back(f: Callable[..., Sequence[Any]]) -> Callable[..., Any]:
    """The values of a function and the cotangents of its inputs."""

    def value_and_cotangents(*inputs: Any) -> Any:
        out, pullback = tape.vjp(f, *inputs)
        return out, pullback(tree.map(lambda y: torch.ones_like(y) if y.is_floating_point() else None, out))

    return value_and_cotangents


def second_order(f: Callable[..., Sequence[Any]]) -> Callable[..., Any]:
    """The gradient of the squares of what `pulled_back` gives, in all floating-point inputs."""

    def of_squares(*inputs: Any) -> Any:
        leaves = [x for x in tree.leaves(pulled_back(f)(*inputs)) if x.is_floating_point()]
        return sum((x * x).sum() for x in leaves)

    def gradients(*inputs: Any) -> Any:
        chosen = [i for i, x in enumerate(inputs) if x.is_floating_point()]
        return tape.grad(of_squares, chosen)(*inputs)

    return gradients


def random_programs(count: int, seed: int, length: int = 8) -> list[Program]:
    """Programs of random primitives, as the fuzzer draws them."""
    return list(itertools.islice(_drawn(seed, length), count))


def notable_programs(count: int, seed: int) -> list[Program]:
    """Random programs that do the same whatever the values are."""
    return list(itertools.islice(filter(_is_notable, _drawn(seed, 8)), count))


def _drawn(seed: int, length: int) -> Iterator[Program]:
    random = Random(seed)
    deck = Deck(random)
    while True:
        yield draw_program(random, deck, length)


def _is_notable(program: Program) -> bool:
    try:
        note(lambda leaves: list(program(*leaves)), list(program.inputs.values()))
    except tape.TapeError:
        return False
    return True
