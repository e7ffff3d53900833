"""What is noted of a function, what is refused, and that noting costs the memory of the function."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from tape import TapeError, compile
from tape.compiling.line import Line, View
from tape.compiling.noting import _Noter, note
from tape.core.tape import Tape
from tape.core.traced import box

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def noted(f: Callable[..., Any], *args: Any) -> Line:
    return note(lambda leaves: f(*leaves), args)[0]


def test_what_the_function_frees_is_freed_while_it_is_noted() -> None:
    freed: list[bool] = []

    def f(x: Tensor) -> Tensor:
        y = x * 2
        memory = StorageWeakRef(y.untyped_storage())
        z = y.sin()
        del y
        freed.append(memory.expired())
        return z.sum()

    compile(f)(torch.rand(100))
    assert freed == [True]


def test_memory_that_comes_back_at_another_place_is_another_tensor() -> None:
    def f(x: Tensor) -> Tensor:
        for i in range(100):
            x = x * 2 - x + i
        return x

    compiled, x = compile(f), torch.rand(1000)
    for _ in range(3):
        assert compiled(x).equal(f(x))


def test_a_traced_value_among_the_results_is_refused() -> None:
    with pytest.raises(TapeError, match="a traced value is closed over"):
        noted(lambda x: (x, box(Tape(), X)), X)


def test_what_is_no_tensor_is_returned_as_it_is() -> None:
    assert noted(lambda x: (7, None, "a"), X).result == (7, None, "a")


def test_torchs_compiler_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # an import of it fails
    assert len(noted(lambda x: x + 1, X).operations) == 1
    assert _Noter._should_skip_dynamo() is False  # torch asked when the class was made


def test_numbers_that_are_written_down_are_these_at_each_call() -> None:
    def f(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        t = torch.tensor([1.0, 2.0])
        t.add_(1)
        u = t * 2
        t.mul_(x)
        return x + u, t, torch.tensor(3.0)

    compiled = compile(f)
    for value in (1.0, 2.0, 3.0):
        first, second, third = compiled(torch.tensor(value))
        assert first.tolist() == [value + 4, value + 6]
        assert second.tolist() == [2 * value, 3 * value]
        assert third == 3


def test_a_view_that_is_changed_into_another_one_takes_no_operation() -> None:
    def f(x: Tensor) -> tuple[Tensor, Tensor]:
        y = x * 2
        y.t_()
        y.unsqueeze_(1)
        z = y.sin()
        y.squeeze_(1)
        return y, z

    assert len(noted(f, X).operations) == 2
    for _ in range(2):
        for got, wanted in zip(compile(f)(X), f(X), strict=True):
            assert got.equal(wanted)


RESIZED: dict[str, Callable[[Tensor], Any]] = {
    "resize_": lambda x: (x * 2).resize_(5, 4),
    "resize_as_": lambda x: (x * 2).resize_as_(torch.ones(5, 4)),
    "set_": lambda x: (x * 2).set_((x * 3).view(-1)),
}


@pytest.mark.parametrize("name", RESIZED)
def test_other_memory_for_a_tensor_is_refused(name: str) -> None:
    with pytest.raises(TapeError, match=f"compile: {name} changes in place how much memory a tensor has"):
        noted(RESIZED[name], X)


def test_an_argument_is_noted_as_a_leaf_of_its_shape_and_layout() -> None:
    def f(x: Tensor) -> Tensor:
        (x * x).sum().backward()
        assert x.grad is not None
        return x.grad

    x = X.clone().requires_grad_()
    assert noted(f, (x * 1).t()).result.shape == (4, 3)
    whole = noted(f, x).buffers[0].whole
    assert whole == View(0, (3, 4), (4, 1), 0, torch.float32)
    assert type(whole.shape) is tuple


def test_a_buffer_has_the_bytes_and_the_device_of_its_storage() -> None:
    weight = torch.ones(5)
    line = noted(lambda x: (x + weight[:4], torch.tensor([1.0, 2.0]).add_(1)), X)
    assert [(buffer.bytes, buffer.device) for buffer in line.buffers.values()] == [
        (size, X.device) for size in (48, 20, 48, 8, 8)
    ]
