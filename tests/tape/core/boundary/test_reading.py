"""Numbers that were read off a traced value: free to look at, refused where a derivative would be lost."""

import copy
import logging
import math
import operator
import pickle
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch

import tape
from tape import TapeError, grad, vjp

X = torch.tensor([1.5, -2.0, 4.0])
PLAIN = torch.ones(3)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: (x[0] ** 2).item(),
        lambda x: x[0].tolist(),
        lambda x: x[0].item() * x.sum(),
        lambda x: x.sum() * x[0].item(),
        lambda x: (PLAIN * x[0].item()).sum(),
        lambda x: (x[0].item() * PLAIN).sum(),
        lambda x: torch.full((2,), x[0].item()).sum(),
        lambda x: torch.add(PLAIN, PLAIN, alpha=x[0].item()).sum(),
        lambda x: (torch.sin(x) + sum(x.tolist())).sum(),
        lambda x: PLAIN.sum() * float(x[0]),
        lambda x: PLAIN.sum() * float(x[0].item()),
        lambda x: PLAIN.sum() * complex(x[0]).real,
        lambda x: PLAIN.sum() * math.exp(x[0]),
        lambda x: PLAIN.sum() * math.exp(x[0].item()),
        lambda x: PLAIN.sum() * math.hypot(x[0], x[1]),
        lambda x: PLAIN.sum() * math.fsum(x),
        lambda x: PLAIN.sum() * statistics.fmean(x.tolist()),
        lambda x: PLAIN.sum() * operator.neg(x[0].item()),
        lambda x: PLAIN.sum() * (2.0 ** x[0].item()),
        lambda x: PLAIN.sum() * np.exp(x[0].item()),
        lambda x: PLAIN.sum() * (np.float64(2.0) * x[0].item()),
        lambda x: torch.as_tensor(np.array(x.tolist())).sum(),
        lambda x: tape.checkpoint(lambda y: y.sum() * y[0].item())(x),
        lambda x: tape.checkpoint(lambda y: y.sum() * x[0].item())(PLAIN),
        lambda x: PLAIN.sum() * tape.checkpoint(lambda y: (y.sum(), y[0].item()))(x)[1],
        lambda x: PLAIN.sum() * read_inside(x),
        lambda x: PLAIN.sum() * grad(lambda y: (y.sum(), x[0].item()), has_aux=True)(PLAIN)[1],
        lambda x: used_in_a_checkpoint(x, x[0].item()),
        lambda x: used_twice(x[0].item()),
        lambda x: in_a_thread(lambda: PLAIN.sum() * x[0].item()),
    ],
)
def test_what_would_be_computed_from_it_is_refused(use: Callable[[Any], Any]) -> None:
    for run in (lambda: grad(use)(X), lambda: grad(lambda x: grad(use)(x).sum())(X)):
        with pytest.raises((TapeError, TypeError)) as caught:
            run()
        assert "stop_gradient" in str(caught.value) or isinstance(caught.value, TypeError)


def read_inside(x: Any) -> Any:
    """A number of an outer level's value that an inner transformation read."""
    read: list[Any] = []
    grad(lambda y: (read.append(y[0].item()), y.sum())[1])(x)
    return read[0]


def used_in_a_checkpoint(x: Any, number: Any) -> Any:
    return tape.checkpoint(lambda y: (y * number).sum())(x)


def used_twice(number: Any) -> Any:
    with suppress(TapeError):
        float(number)
    return PLAIN.sum() * number


def in_a_thread(f: Callable[[], Any]) -> Any:
    """What another thread makes of a value whose level runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(f).result()


def test_it_prints_and_formats() -> None:
    shown: list[str] = []

    def f(x: Any) -> Any:
        shown.extend(
            [str(x[0].item()), f"{x[0].item():.2f}", f"{x[0]:.2f}", str(x.tolist()), str(round(x[0].item(), 1))]
        )
        shown.extend([str(round(x[0].item())), str(round((x[0] * 0.75).item(), 2))])
        return x.sum()

    grad(f)(X)
    assert shown == ["1.5", "1.50", "1.50", "[1.5, -2.0, 4.0]", "1.5", "2", "1.12"]


def test_branches_and_comparisons_are_free() -> None:
    def f(x: Any) -> Any:
        first, second, third = x.tolist()
        assert first == 1.5
        assert first != second
        assert second < first <= third
        assert third > PLAIN[0]
        assert x[0] < third
        assert np.float64(2.0) > first
        assert np.isfinite(first)
        assert max(x.tolist()) == 4.0
        assert sorted(x, key=lambda v: v.item())[0] == -2.0
        assert bool(first)
        assert {first: "hashable"}[first] == "hashable"
        assert (x > first).tolist() == [False, False, True]
        return x.sum() if x[0].item() > 0 else x.prod()

    assert grad(f)(X).tolist() == [1, 1, 1]


def test_whole_numbers_are_free_since_their_derivative_is_zero() -> None:
    def f(x: Any) -> Any:
        counts = [int(x[2]), math.floor(x[0]), math.ceil(x[0]), math.trunc(x[1])]
        counts += [int(x[2].item()), math.floor(x[0].item()), math.ceil(x[0].item()), math.trunc(x[0].item())]
        assert counts == [4, 1, 2, -2, 4, 1, 2, 1]
        assert all(type(count) is int for count in counts)
        return x.sum() * counts[0]

    assert grad(f)(X).tolist() == [4, 4, 4]


def test_a_log_of_numbers_can_be_computed_with_afterwards() -> None:
    log: list[Any] = []
    for _ in range(2):
        grad(lambda x: (log.append((x**2).sum().item()), x.sum())[1])(X)
    assert sum(log) / len(log) == 22.25
    assert math.sqrt(log[0]) == math.sqrt(22.25)
    assert np.mean(log) == 22.25
    assert (torch.ones(2) * log[0]).tolist() == [22.25, 22.25]
    assert log[0] - log[1] == 0


def test_it_becomes_an_array_of_its_own_precision_or_of_the_dtype_that_is_asked_for() -> None:
    log: list[Any] = []
    grad(lambda x: (log.append((x[0] * 0.1).item()), x.sum())[1])(X.double())
    assert np.asarray(log[0]).dtype == np.float64
    assert float(np.asarray(log[0])) == X.double()[0].item() * 0.1
    assert np.asarray(log[0], dtype=np.float32).dtype == np.float32
    assert np.asarray(log, dtype=np.float16).dtype == np.float16


def test_as_an_auxiliary_result_it_is_pythons_number() -> None:
    _, aux = grad(lambda x: (x.sum(), {"norm": (x**2).sum().item()}), has_aux=True)(X)
    assert type(aux["norm"]) is float
    assert aux == {"norm": 22.25}


@pytest.mark.parametrize("transformed", [grad, tape.jacrev, tape.jacfwd, lambda f: lambda x: vjp(f, x)])
def test_as_a_result_it_is_refused(transformed: Callable[..., Any]) -> None:
    with pytest.raises(TapeError, match=r"result.*stop_gradient"):
        transformed(lambda x: (x**2).sum().item())(X)


def test_a_stopped_value_gives_pythons_number() -> None:
    def f(x: Any) -> Any:
        scale = tape.stop_gradient(x[0]).item()
        assert type(scale) is float
        return (x * math.exp(float(x.detach()[0]) - scale)).sum()

    assert grad(f)(X).tolist() == [1, 1, 1]


def test_a_number_is_logged_in_every_way_and_rounded_to_be_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[Any] = []

    def f(x: Any) -> Any:
        number = x.sum().item()
        line = "%.1f"
        line %= number
        logging.getLogger("loss").warning("%d: %.2f", 1, number)
        shown.extend([line, "%.1f" % number, f"{number:.1f}", "{:.1f}".format(number), str(round(number, 1))])  # noqa: UP031, UP032
        assert copy.copy(number) is copy.deepcopy(number) is number
        return x.sum()

    grad(f)(X)
    assert shown == ["3.5"] * 5
    assert caplog.messages == ["1: 3.50"]


@pytest.mark.parametrize(
    "use",
    [
        lambda number: round(number, 6) * PLAIN,
        lambda number: np.log(number),
        lambda number: np.float64(2) % number,
        lambda number: 2.0 % number,
        lambda number: pickle.dumps(number),
    ],
    ids=["rounded", "a function of numpy's", "numpy's remainder", "remainder", "pickled"],
)
def test_what_computes_with_a_number_is_refused_while_it_is_differentiated(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TapeError, match="no derivative"):
        grad(lambda x: (use(x.sum().item()), x.sum())[1])(X)
    history: list[Any] = []
    grad(lambda x: (history.append(x.sum().item()), x.sum())[1])(X)
    use(history[0])


def test_afterwards_numbers_are_pickled_and_given_to_numpy() -> None:
    history: list[Any] = []
    grad(lambda x: (history.append(x.sum().item()), x.sum())[1])(X)
    assert pickle.loads(pickle.dumps(history)) == [3.5]
    assert np.log(history[0]) == np.log(3.5)
    assert np.mean(history) == 3.5
