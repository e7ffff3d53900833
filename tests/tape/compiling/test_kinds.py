"""What makes a new program."""

import functools
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from tape import compile, grad, tree
from tape.compiling.kinds import difference, is_inside, is_watched, kind_of
from tape.core.tape import Tape
from tape.core.traced import box


class Counting:
    """A function that counts how often Python runs it."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self.count = 0
        self.__name__ = "counting"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        return self.f(*args, **kwargs)


X = torch.arange(6.0).reshape(2, 3)


def shift(x: Any, by: Any) -> Any:
    return x + by


OTHERS = {
    "shape": [(X,), (X[:1],), (X[0],)],
    "dtype": [(X,), (X.double(),), (X.long(),)],
    "structure": [((X, X),), ([X, X],), ({"a": X},), ((X, None, X),)],
    "number": [(X, 1), (X, 2), (X, 1.0), (X, True), (X, 0.0), (X, -0.0)],
    "string": [(X, "sum"), (X, "mean")],
    "function": [(X, torch.sin), (X, torch.cos)],
    "partial": [(X, functools.partial(shift, by=1)), (X, functools.partial(shift, by=2))],
    "number of a partial": [(X, functools.partial(shift, by=by)) for by in (1, 1.0, True, 0.0, -0.0)],
    "argument of a partial": [(X, functools.partial(shift, by)) for by in (1, 1.0, True, 0.0, -0.0)],
    "dtype argument": [(X, torch.float32), (X, torch.float64)],
    "none": [(X, None), (X, ())],
}


@pytest.mark.parametrize("calls", OTHERS.values(), ids=OTHERS)
def test_another_kind_is_noted_anew(calls: list[tuple[Any, ...]]) -> None:
    f = Counting(lambda *args: None)
    compiled = compile(f)
    for _ in range(3):
        for args in calls:
            compiled(*args)
    assert f.count == len(calls)


SAME = {
    "tensors": [(X,), (X + 1,), (X.t().contiguous().t(),)],
    "numbers": [(X, 0.1 + 0.2), (X, 0.30000000000000004)],
    "nan": [(X, math.nan), (X, float("nan"))],
    "strings": [(X, "ab"), (X, "".join(["a", "b"]))],
    "partials": [(X, functools.partial(shift, by=1)), (X, functools.partial(shift, by=1))],
    "arguments of partials": [(X, functools.partial(shift, 0.5)), (X, functools.partial(shift, 0.5))],
    "tuples": [(X, (1, 2)), (X, tuple([1, 2]))],  # noqa: C409
    "generators": [(X, torch.Generator()), (X, torch.Generator().manual_seed(5))],
}


@pytest.mark.parametrize("calls", SAME.values(), ids=SAME)
def test_equal_ones_share_a_program(calls: list[tuple[Any, ...]]) -> None:
    f = Counting(lambda *args: None)
    compiled = compile(f)
    for args in calls:
        compiled(*args)
    assert f.count == 1


@contextmanager
def autocast_of_another_device() -> Iterator[None]:
    torch.set_autocast_enabled("cuda", True)
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", False)


@pytest.mark.parametrize(
    "setting",
    [
        lambda: torch.no_grad(),
        lambda: torch.inference_mode(),
        lambda: torch.autocast("cpu", torch.bfloat16),
        autocast_of_another_device,
    ],
    ids=["no_grad", "inference_mode", "autocast", "autocast of another device"],
)
def test_settings_of_torch_that_decide_what_runs_are_part_of_the_kind(setting: Callable[[], Any]) -> None:
    f = Counting(lambda x: x @ x.t() * 2)
    compiled = compile(f)
    for _ in range(2):
        assert compiled(X).equal(f.f(X))
        with setting():
            assert compiled(X).equal(f.f(X))
    assert f.count == 2


def test_what_cannot_be_hashed_says_so() -> None:
    with pytest.raises(TypeError, match="no tensor and cannot be hashed"):
        compile(lambda x, y: x)(X, {1, 2})


def test_a_function_that_keeps_meeting_new_kinds_says_so_once_and_names_the_argument() -> None:
    f = compile(lambda x, rate: x * rate)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(40):
            assert f(X, i / 8).equal(X * (i / 8))
    (warning,) = caught
    assert "differs in argument 1, which was 0.75 and is 0.875" in str(warning.message)
    assert warning.filename == __file__


def test_no_more_than_so_many_programs_are_kept() -> None:
    f = Counting(lambda x, rate: x * rate)
    compiled = compile(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in (*range(32), *range(32)):
            compiled(X, i)
        assert f.count == 32
        for i in (32, 32):
            compiled(X, i)
        assert f.count == 33
        assert compiled(X, 0).equal(X * 0)
    assert f.count == 34


def kind(*args: Any) -> Any:
    return kind_of(*tree.flatten((args, {})))


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        (kind(X, 1), kind([X, 1]), "the structure of the arguments"),
        (kind(X, 1), kind(X, 1), "nothing that can be seen"),
        (kind(X, 1), kind(X[:1], 1), "argument 0, which was float32[2, 3] and is float32[1, 3]"),
        (kind(X, "a"), kind(X, "b"), "argument 1, which was 'a' and is 'b'"),
        (kind(X, 0.5), kind(X, 0.25), "argument 1, which was 0.5 and is 0.25"),
        (kind(X, torch.Generator()), kind(X, 1), "argument 1, which was device(type='cpu') and is 1"),
    ],
)
def test_what_two_kinds_differ_in_is_said_in_words(one: Any, other: Any, text: str) -> None:
    assert difference(one, other, ["0.0", "0.1"]) == text


def test_another_setting_is_said_to_be_one() -> None:
    before = kind(X)
    with torch.no_grad():
        assert difference(before, kind(X), ["0.0"]) == "torch's settings (default dtype, grad mode, autocast)"


def test_whatever_looks_on_is_seen() -> None:
    seen: list[tuple[bool, bool]] = []

    def look(x: Any) -> Any:
        seen.append((is_inside([x]), is_watched()))
        return x * 1

    look(X)
    grad(lambda x: look(X).sum() * x)(torch.tensor(1.0))
    grad(lambda x: look(x))(torch.tensor(1.0))
    torch.func.vmap(look)(X)
    compile(look)(X)
    assert seen == [(False, False), (True, False), (True, False), (True, True), (True, True)]


def test_a_traced_value_is_seen_also_where_nothing_runs() -> None:
    assert is_inside([X, box(Tape(), X)])
    assert not is_inside([X, 1])
