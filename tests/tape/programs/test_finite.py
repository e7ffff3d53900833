"""The guard names the first step that makes a NaN or an infinity."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import tape

INF = math.inf


def message(f: Callable[[], Any], **options: Any) -> str:
    with tape.require_finite(**options), pytest.raises(tape.TapeError) as caught:
        f()
    return str(caught.value)


def first_line(f: Callable[..., Any], *args: Any) -> str:
    return message(lambda: tape.grad(lambda *args: f(*args).sum())(*args)).splitlines()[0]


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: x / x, [0.0, 1.0], "divide made 1 nan among 2 numbers"),
        (lambda x: 1 / x, [0.0, 1.0], "divide made 1 inf among 2 numbers"),
        (torch.log, [0.0, 1.0], "log made 1 -inf among 2 numbers"),
        (torch.log, [0.0, -1.0], "log made 1 nan and 1 -inf among 2 numbers"),
        (torch.exp, [100.0], "exp made 1 inf among 1 number"),
        (torch.sqrt, [0.0, 4.0], "the rule of sqrt for its argument 'x' made 1 inf among 2 numbers"),
        (lambda x: x**0.5, [0.0], "the rule of power for its argument 'x' made 1 inf among 1 number"),
        (lambda x: torch.sqrt(x * x) * 2, [0.0], "the rule of sqrt for its argument 'x' made 1 inf among 1 number"),
        (lambda x: torch.log(torch.exp(x)), [-200.0], "log made 1 -inf among 1 number"),
        (lambda x: torch.exp(torch.log(x)) + torch.sqrt(x), [0.0], "log made 1 -inf among 1 number"),
        (lambda x: torch.sort(1 / x).values, [0.0, 1.0], "divide made 1 inf among 2 numbers"),
        (lambda x: torch.cat([x, torch.log(x)]), [0.0], "log made 1 -inf among 1 number"),
        (lambda x: torch.where(x > 0, torch.log(x), 0.0), [0.0], "log made 1 -inf among 1 number"),
    ],
)
def test_the_first_step_is_named(f: Callable[..., Any], x: list[float], expected: str) -> None:
    assert first_line(f, torch.tensor(x)) == expected


def test_a_message_of_a_forward_step(from_source: Callable[[str], Callable[..., Any]]) -> None:
    f = from_source("""
        def f(x, y):
            ratio = x / y
            return ratio.sum()
    """)
    x, y = torch.tensor([0.0, 1.0, -3.0]), torch.tensor([0.0, 0.0, 2.0])
    assert message(lambda: tape.grad(f)(x, y)) == (
        "divide made 1 nan and 1 inf among 3 numbers\n"
        "  at model.py:2  ratio = x / y\n"
        "  x: float32[3], from -3 to 1\n"
        "  y: float32[3], from 0 to 2"
    )


def test_a_message_of_a_backward_step(from_source: Callable[[str], Callable[..., Any]]) -> None:
    f = from_source("""
        def f(x):
            y = torch.sqrt(x)
            return (2 * y).sum()
    """)
    assert message(lambda: tape.grad(f)(torch.tensor([0.0, 9.0]))) == (
        "the rule of sqrt for its argument 'x' made 1 inf among 2 numbers\n"
        "  for the call at model.py:2  y = torch.sqrt(x)\n"
        "  g: float32[2], all 2\n"
        "  ans: float32[2], from 0 to 3"
    )


def test_a_message_of_the_derivative_of_a_rule(from_source: Callable[[str], Callable[..., Any]]) -> None:
    f = from_source("""
        def f(x):
            return x ** 1.5
    """)
    assert message(lambda: tape.grad(tape.grad(f))(torch.tensor(0.0))) == (
        "the rule of power for its argument 'x' made 1 inf among 1 number\n"
        "  for the call at model.py:2  return x ** 1.5\n"
        "  in the rule of power\n"
        "  g: float32[], all 1.5\n"
        "  x: float32[], all 0\n"
        "  exponent: 0.5"
    )


def test_numbers_that_were_not_finite_before_are_said_to_be_so() -> None:
    x = torch.tensor([1.0, math.nan, -INF])
    text = message(lambda: tape.grad(lambda x: (x * 2).sum())(x))
    assert text.startswith("multiply passed on 1 nan and 1 -inf among 3 numbers\n")
    assert text.endswith("\n  x: float32[3], all 1; already 1 nan and 1 -inf among 3 numbers\n  y: 2")
    text = message(lambda: tape.grad(lambda x: (x.sum() * torch.tensor([math.nan])).sum())(torch.ones(2)))
    assert "y: float32[1], no finite number; already 1 nan among 1 number" in text


def test_a_cotangent_that_is_not_finite_is_said_to_be_so() -> None:
    text = message(lambda: tape.vjp(torch.exp, torch.ones(1))[1](torch.tensor([INF])))
    assert text.startswith("the rule of exp for its argument 'x' passed on 1 inf among 1 number\n")
    assert "g: float32[1], no finite number; already 1 inf among 1 number" in text


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.softmax(x.masked_fill(torch.tensor([False, True, False]), -INF), 0)[0],
        lambda x: torch.logsumexp(torch.where(x > 1.5, x, -INF).reshape(3, 1).flip(0), 0).sum(),
        lambda x: F.max_pool2d(x.reshape(1, 1, 1, 3), (1, 2), padding=(0, 1)).sum(),
        lambda x: torch.cat([F.pad(x, (1, 1), value=INF), x]).amin(),
    ],
)
def test_an_infinity_that_is_written_down_is_no_error(f: Callable[..., Any]) -> None:
    x = torch.tensor([1.0, 2.0, 3.0])
    with tape.require_finite():
        guarded = tape.grad(f)(x)
    assert torch.equal(guarded, tape.grad(f)(x))


def test_what_a_written_infinity_becomes_is_looked_at() -> None:
    def f(x: Any) -> Any:
        masked = torch.where(x > 0, x, -INF)
        return (masked - masked).sum()

    text = message(lambda: tape.grad(f)(torch.tensor([1.0, -1.0])))
    assert text.startswith("subtract passed on 1 nan among 2 numbers")
    assert "x: float32[2], all 1; already 1 -inf among 2 numbers" in text


def test_an_infinity_of_one_sign_does_not_excuse_the_other() -> None:
    assert first_line(lambda x: -torch.where(x > 0, x, -INF), torch.tensor([-1.0])).startswith(
        "negative passed on 1 inf"
    )


def test_infinities_may_be_allowed() -> None:
    with tape.require_finite(allow_infinity=True):
        assert tape.grad(lambda x: torch.sqrt(x).sum())(torch.zeros(1)) == INF
    text = message(lambda: tape.grad(lambda x: (torch.log(x) * x).sum())(torch.zeros(1)), allow_infinity=True)
    assert text.startswith("multiply passed on 1 nan among 1 number")


def test_it_holds_inside_the_context_alone() -> None:
    roots = lambda x: torch.sqrt(x).sum()
    with tape.require_finite():
        _, guarded = tape.vjp(roots, torch.zeros(2))
    assert torch.isinf(tape.grad(roots)(torch.zeros(2))).all()
    with pytest.raises(tape.TapeError, match="the rule of sqrt"):
        guarded(torch.tensor(1.0))
    _, free = tape.vjp(roots, torch.zeros(2))
    with tape.require_finite():
        assert torch.isinf(free(torch.tensor(1.0))[0]).all()


def test_contexts_nest() -> None:
    logarithm = lambda: tape.grad(lambda x: torch.log(x))(torch.tensor(0.0))
    with tape.require_finite():
        with tape.require_finite(allow_infinity=True), pytest.raises(tape.TapeError, match="log made 1 -inf"):
            logarithm()
        with pytest.raises(tape.TapeError, match="log made 1 -inf"):
            logarithm()
    assert tape.core.tape.observers.get() == ()


def test_a_rule_may_make_what_it_then_masks() -> None:
    """The derivative of the norm divides by the norm, and takes 0 where that is 0: to every order."""
    with tape.require_finite():
        assert tape.grad(lambda x: torch.norm(x))(torch.zeros(2)).tolist() == [0, 0]
        inner = tape.grad(lambda x: torch.norm(x))
        assert torch.isfinite(tape.grad(lambda x: inner(x).sum())(torch.ones(2))).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_in_microbatches(threads: int, from_source: Callable[[str], Callable[..., Any]]) -> None:
    f = from_source("""
        def f(w, x):
            return torch.log(x @ w).sum()
    """)
    loss = tape.microbatch(f, 1, "sum", threads=threads)
    x = torch.tensor([[1.0], [2.0], [0.0], [3.0]])
    text = message(lambda: tape.grad(loss)(torch.ones(1), x))
    assert text.startswith("log made 1 -inf among 1 number\n  at model.py:2  return torch.log(x @ w).sum()\n")


def test_a_function_as_one_step() -> None:
    def loss(w: Any, x: Any) -> Any:
        return (x * w).sum()

    x = torch.tensor([3e38, 3e38, 1.0, 1.0])
    text = message(lambda: tape.grad(tape.microbatch(loss, 1, "sum"))(torch.tensor(1.0), x))
    assert text.startswith("microbatch made 1 inf among 1 number")
    assert "argument 1: float32[4], from 1 to 3e+38" in text


def test_under_vmap_the_whole_batch_is_looked_at() -> None:
    x = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    text = message(lambda: torch.func.vmap(tape.grad(lambda x: torch.log(x).sum()))(x))
    assert text.startswith("log made 1 -inf among 4 numbers")
    assert "x: float32[2, 2], from 0 to 3" in text
    with tape.require_finite():
        assert torch.equal(torch.func.vmap(tape.grad(lambda x: torch.log(x).sum()))(x + 1), 1 / (x + 1))


def test_a_trace_is_guarded_too() -> None:
    assert message(lambda: tape.trace(torch.log)(torch.zeros(1))).startswith("log made 1 -inf")


def test_empty_and_integer_inputs_are_described() -> None:
    def f(x: Any) -> Any:
        return torch.cat([torch.gather(x, 0, torch.tensor([1, 0])), torch.ones(0)]) * torch.tensor([INF, 1.0])

    assert "y: float32[2], all 1; already 1 inf" in message(lambda: tape.vjp(f, torch.ones(2)))
    text = message(lambda: tape.vjp(lambda x: torch.gather(x, 0, torch.tensor([1, 0])), torch.tensor([INF, 1.0])))
    assert "index: int64[2], from 0 to 1" in text
    text = message(lambda: tape.vjp(lambda x: torch.cat([x, torch.ones(0)]), torch.tensor([INF])))
    assert "tensors at 1: float32[0], empty" in text


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=4), st.permutations(range(4)))
def test_a_step_is_named_if_and_only_if_a_number_is_not_finite(numbers: list[float], order: list[int]) -> None:
    ops = [torch.exp, torch.log, torch.sqrt, torch.reciprocal]
    made: list[Any] = []

    def f(x: Any) -> Any:
        for place in order:
            x = ops[place](x)
            made.append((ops[place].__name__, bool(torch.isfinite(tape.core.traced.raw(x)).all())))
        return x.sum()

    gradient = tape.grad(f)(torch.tensor(numbers))
    bad = [name for name, finite in made if not finite]
    try:
        with tape.require_finite():
            tape.grad(f)(torch.tensor(numbers))
    except tape.TapeError as error:
        said = str(error)
    else:
        said = ""
    if bad:
        assert said.startswith(f"{bad[0]} ")
    elif not torch.isfinite(gradient).all():
        assert said.startswith("the rule of ")
