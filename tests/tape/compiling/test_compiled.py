"""A compiled function as a function: its name, its keywords, its programs, and where the function itself runs."""

import copy
import functools
from typing import Any

import pytest
import torch

from tape import compile, grad
from tape.compiling.running import Program

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def scaled(x: Any, *, by: float) -> Any:
    """As its name says."""
    runs.append(by)
    return x * by


runs: list[float] = []


def test_it_looks_like_its_function() -> None:
    f = compile(scaled)
    assert (f.__name__, f.__doc__, f.__wrapped__) == ("scaled", "As its name says.", scaled)  # type: ignore[attr-defined]
    assert (f.name, repr(f)) == ("scaled", "<compiled scaled>")


def test_a_function_without_a_name_is_called_as_it_prints() -> None:
    partial = functools.partial(scaled, by=2.0)
    assert compile(partial).name == repr(partial)
    assert compile(partial)(X).equal(X * 2)


def test_keywords_are_handed_on_where_the_function_itself_runs() -> None:
    f = compile(scaled)
    runs.clear()
    assert grad(lambda x: f(x, by=3.0))(torch.tensor(1.0)) == 3
    assert torch.func.vmap(lambda x: f.detached(x, by=4.0))(X).equal(X * 4)
    assert torch.func.vmap(lambda x: f.detached(x, by=4.0))(X).equal(X * 4)
    assert runs == [3, 4, 4]


def test_a_detached_call_runs_the_program_inside_a_transformation_too() -> None:
    f = compile(scaled)
    runs.clear()
    of = grad(lambda x: x * f.detached(torch.tensor(5.0), by=2.0))
    assert [of(torch.tensor(1.0)).item() for _ in range(3)] == [10, 10, 10]
    assert runs == [2]


def test_a_copy_is_a_compiled_function_too() -> None:
    f = copy.copy(compile(scaled))
    assert type(f) is type(compile(scaled))
    assert f.function is scaled


def test_a_program_is_noted_once() -> None:
    f = compile(scaled)
    runs.clear()
    program = f.program(X, by=2.0)
    assert program.steps == 1
    assert f.program(X, by=2.0) is program
    assert f(X, by=2.0).equal(X * 2)
    assert runs == [2]


def test_a_program_is_simplified() -> None:
    assert compile(lambda x: (x * 2, x * 2, x.sin())[:2]).program(X).steps == 1


def test_the_memory_of_all_programs_is_released() -> None:
    f = compile(torch.sin)
    for _ in range(2):
        f(X), f(X[:1])
    assert f.program(X)._free
    f.release()
    assert not f.program(X)._free
    assert not f.program(X[:1])._free


def test_memory_may_be_released_while_another_thread_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    f = compile(torch.sin)
    f(X)
    monkeypatch.setattr(Program, "release", lambda program: f(X[:1]))
    f.release()
    assert f(X).equal(X.sin())


def test_a_result_is_handed_over_and_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    f = compile(torch.sin)
    f(X)
    made = torch.zeros(3, 4)
    monkeypatch.setattr(Program, "run", lambda program, leaves: [made])
    assert f(X) is made


def test_what_stands_in_several_places_of_the_result_shares_no_memory() -> None:
    f = compile(lambda x: (y := x * 2, [y, 7, y], x.sin()))
    for _ in range(2):
        first, (second, seven, third), other = f(X)
        assert seven == 7
        assert len({y.data_ptr() for y in (first, second, third, other)}) == 4
        assert all(y.equal(X * 2) for y in (first, second, third))
        assert other.equal(X.sin())
