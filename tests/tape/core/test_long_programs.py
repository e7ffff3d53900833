"""What a program costs grows with its length alone: recipes are not deep, and parts of a tensor are one step."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from tape.core.tape import MOST_CALLS, Recipe
from tape.transforms.gradients import record


def shifted(x: Any, count: int) -> Any:
    total = 0.0
    for _ in range(count):
        x = F.pad(x, (1, -1))
        total = total + (x * x).sum()
    return total


def turned(x: Any, count: int) -> Any:
    for _ in range(count):
        x = x.t().contiguous()
    return (x * x).sum()


CHAINS: dict[str, tuple[Callable[[Any, int], Any], Tensor]] = {
    "paddings": (shifted, torch.linspace(-1, 1, 40, dtype=torch.float64)),
    "turned copies": (turned, torch.linspace(-1, 1, 40, dtype=torch.float64).reshape(5, 8)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_long_chain_of_views_and_copies_has_torchs_gradient(name: str) -> None:
    f, x = CHAINS[name]
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(f(leaf, 1500), leaf)
    torch.testing.assert_close(tape.grad(lambda x: f(x, 1500))(x), expected)


def calls_of_recipes(name: str) -> list[int]:
    f, x = CHAINS[name]
    steps = record(lambda x: f(x, 100), (x,)).steps
    return [residual.calls for step in steps for residual in step.residuals if type(residual) is Recipe]


@pytest.mark.parametrize("name", CHAINS)
def test_a_recipe_is_made_in_at_most_so_many_calls(name: str) -> None:
    assert max(calls_of_recipes(name)) <= MOST_CALLS


def test_a_recipe_is_no_shorter_than_it_has_to_be() -> None:
    assert max(calls_of_recipes("paddings")) == MOST_CALLS


def test_a_chain_of_paddings_keeps_no_more_than_its_length_needs() -> None:
    x = torch.rand(1000)
    kept = [tape.trace(lambda x, n=n: shifted(x, n))(x).residual_bytes for n in (50, 100, 200)]
    assert kept[2] - kept[1] <= 2.2 * (kept[1] - kept[0])


@pytest.mark.parametrize(
    "parts",
    [
        lambda x: list(x),
        lambda x: torch.unbind(x, 1),
        lambda x: torch.split(x, 2),
        lambda x: torch.chunk(x, 3),
        lambda x: torch.tensor_split(x, 3),
        lambda x: torch.hsplit(x, 2),
        lambda x: torch.vsplit(x, (1, 4)),
        lambda x: x.split_with_sizes((1, 3, 2)),
    ],
    ids=["iteration", "unbind", "split", "chunk", "tensor_split", "hsplit", "vsplit", "split_with_sizes"],
)
def test_the_parts_of_a_tensor_are_one_step(parts: Callable[[Any], Any]) -> None:
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(6, 4)
    program = tape.trace(lambda x: parts(x))(x)
    assert len(program.steps) == 1

    def f(x: Any) -> Any:
        return sum((part**3).sum() * i for i, part in enumerate(parts(x)))

    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(f(leaf), leaf, create_graph=True)
    torch.testing.assert_close(tape.grad(f)(x), expected.detach())
    (second,) = torch.autograd.grad(expected.square().sum(), leaf)
    torch.testing.assert_close(tape.grad(lambda x: tape.grad(f)(x).square().sum())(x), second)


def test_torchs_vmap_over_a_long_loop_of_rows_gives_each_samples_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    xs = torch.rand(3, 600, 2, dtype=torch.float64, generator=generator)

    def f(x: Any) -> Any:
        total = torch.zeros(2, dtype=torch.float64)
        for row in x:
            total = torch.sin(total + row * row)
        return total.sum()

    assert len(tape.trace(f)(xs[0]).steps) <= 3 * 600 + 2
    gradients = torch.func.vmap(tape.grad(f))(xs)
    leaf = xs.clone().requires_grad_()
    (expected,) = torch.autograd.grad(sum(map(f, leaf)), leaf)
    torch.testing.assert_close(gradients, expected)
