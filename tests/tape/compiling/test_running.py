"""A program's text runs in memory of its own, on arguments of the kind that it was noted for."""

import linecache
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tape.compiling.noting import note
from tape.compiling.running import Program, _Arena
from tape.compiling.writing import SMALL

LARGE = torch.linspace(-1, 1, 2 * SMALL, dtype=torch.float64).reshape(-1, 64) / 3


def program(f: Callable[..., Any], *args: Any) -> Program:
    return Program(note(lambda leaves: f(*leaves), args)[0], "test")


def product(x: Any, y: Any) -> Any:
    return (x @ y).sin() * 3


def test_it_prints_its_operations_where_they_lie_and_what_it_needs() -> None:
    made = program(product, torch.ones(3, 4), torch.ones(4, 3))
    first, second, third, result, total = str(made).splitlines()
    assert first.startswith("%2 float32[3, 3] at 0 = aten.mm.default(")
    assert second.startswith("%3 float32[3, 3] at 64 = aten.sin.default(")
    assert third.startswith("%4 float32[3, 3] = aten.mul.Tensor(")
    assert (result, total) == ("returns %4 float32[3, 3]", "3 operations in 128 bytes")
    assert (made.steps, made.memory_bytes) == (3, 128)
    assert made.source == made.text.source


def test_its_arena_takes_as_many_bytes_as_it_says() -> None:
    made = program(product, LARGE, LARGE.t())
    made.run([LARGE, LARGE.t()])
    bound = [x for x in made._free[0][0].text.__globals__.values() if isinstance(x, Tensor)]
    assert {x.untyped_storage().nbytes() for x in bound} == {made.memory_bytes}


def test_memory_stays_for_later_calls_until_it_is_released() -> None:
    made = program(product, LARGE, LARGE.t())
    first = made.run([LARGE, LARGE.t()])
    (arena,) = made._free[0]
    assert made.run([LARGE, LARGE.t()])[0].equal(first[0])
    assert made._free == {0: [arena]}
    made.release()
    assert made._free == {}
    assert made.run([LARGE, LARGE.t()])[0].equal(first[0])


def test_memory_stays_when_a_call_fails() -> None:
    made = program(product, LARGE, LARGE.t())
    with pytest.raises(IndexError):
        made.run([])
    assert len(made._free[0]) == 1


def test_the_results_are_a_list() -> None:
    made = program(lambda x: (x + 1, x - 1), torch.tensor(2.0))
    assert made.run([torch.tensor(3.0)]) == [torch.tensor(4.0), torch.tensor(2.0)]


def test_tracebacks_show_its_text() -> None:
    made = program(product, torch.ones(3, 4), torch.ones(4, 3))
    made.run([torch.ones(3, 4), torch.ones(4, 3)])
    assert made._free[0][0].text.__code__.co_filename == "<compiled test>"
    lines = made.source.splitlines(keepends=True)
    assert linecache.cache["<compiled test>"] == (len(made.source), None, lines, "<compiled test>")


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "as noted": lambda x: x,
    "transposed": lambda x: x.t().contiguous().t(),
    "conjugate": lambda x: torch.complex(x, x).conj(),
    "negative": lambda x: torch.complex(x, x).conj().imag,
    "of a graph": lambda x: x.clone().requires_grad_(),
}


@pytest.mark.parametrize("rows", [2, 128])
@pytest.mark.parametrize("noted", LAYOUTS)
@pytest.mark.parametrize("given", LAYOUTS)
def test_an_argument_may_have_another_layout_than_the_one_that_was_noted(noted: str, given: str, rows: int) -> None:
    x, y = LAYOUTS[noted](LARGE[:rows]), LAYOUTS[given](LARGE[:rows] + 1)
    if x.dtype != y.dtype:
        y = y.to(x.dtype) if x.dtype.is_complex else y.real

    def f(x: Any) -> Any:
        return x.flatten()[3:] * 2, x.flip(1) + x, x.clone()

    with torch.no_grad():
        results = program(f, x).run([y])
        assert not any(result.requires_grad for result in results)
        for result, wanted in zip(results, f(y), strict=True):
            torch.testing.assert_close(result, wanted, rtol=0, atol=0)


def test_a_part_of_an_argument_is_read_as_it_was_noted_also_of_a_conjugate_or_negative_one() -> None:
    x = torch.complex(LARGE, LARGE + 1)
    (real,) = program(lambda x: x.real + 1, x).run([x.conj()])
    assert real.equal(x.real + 1)
    (imaginary,) = program(lambda x: x.imag + 1, x).run([x.conj()])
    assert imaginary.equal(1 - x.imag)
    (bits,) = program(lambda x: x.view(torch.int64) + 0, LARGE.clone()).run([x.conj().imag.contiguous()])
    assert bits.equal((-x.imag).view(torch.int64))
    negative = torch._neg_view(LARGE.clone())
    (bits,) = program(lambda x: x.view(torch.int64) + 0, LARGE.clone()).run([negative])
    assert bits.equal((-LARGE).view(torch.int64))


def test_a_large_argument_is_read_where_it_lies_and_without_its_graph() -> None:
    arena = _Arena(program(lambda x: x + 1, LARGE))
    arena.text = lambda *large: large
    assert arena.run([LARGE])[0] is LARGE
    (given,) = arena.run([LARGE.clone().requires_grad_()])
    assert not given.requires_grad


def test_small_and_closed_over_tensors_are_read_afresh() -> None:
    bias, x, y = torch.ones(()), torch.tensor([1.0, 2.0]), torch.ones(3, 1)
    made = program(lambda x, y: x.flip(0) * y.t().sum() + bias, x, y)
    assert made.run([x, y])[0].tolist() == [7, 4]
    bias.fill_(2)
    assert made.run([x + 1, y * 2])[0].tolist() == [20, 14]


def test_a_generator_is_drawn_from() -> None:
    made = program(lambda x, generator: torch.rand(3, generator=generator) + x, torch.ones(()), torch.Generator())
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    wanted = torch.rand(3, generator=generators[1]) + 1
    assert made.run([torch.ones(()), generators[0]])[0].equal(wanted)


@pytest.mark.parametrize("size", [4, 200])
def test_all_memory_is_on_the_arguments_device(size: int) -> None:
    x = torch.empty(size, size, device="meta")
    made = program(lambda x: (x.t() @ x).sin() @ x, x)
    for given in (x, x.t()):
        (result,) = made.run([given])
        assert result.is_meta
    assert all(x.is_meta for x in made._free[0][0].text.__globals__.values() if isinstance(x, Tensor))
