"""The sweep: how cotangents meet, and what is kept of them."""

import threading
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tape
from tape import grad, vjp
from tape.core.tape import Like, Tape
from tape.core.traced import box, like


@given(
    pairs=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=25),
    seed=st.integers(0, 2**31),
)
def test_cotangents_add_up_over_every_path_of_a_drawn_graph(pairs: list[tuple[int, int, int]], seed: int) -> None:
    """Values that are used often, once, or never, in any order; torch's autograd is the judge."""
    generator = torch.Generator().manual_seed(seed)
    inputs = [torch.rand(3, generator=generator, dtype=torch.float64) for _ in range(3)]
    ops = [torch.add, torch.mul, lambda a, b: torch.sin(a) - b, lambda a, b: torch.cat([a[1:], b[:1]])]

    def f(*inputs: Any) -> Any:
        values = list(inputs)
        for left, right, op in pairs:
            values.append(ops[op](values[left % len(values)], values[right % len(values)]))
        return values[len(values) // 2], values[-1], values[-1]

    required = [x.clone().requires_grad_() for x in inputs]
    outputs = f(*required)
    cotangents = tuple(torch.rand(3, generator=generator, dtype=torch.float64) for _ in outputs)
    expected = torch.autograd.grad(outputs, required, cotangents, materialize_grads=True)
    _, pullback = vjp(f, *inputs)
    for _ in range(2):
        for actual, wanted in zip(pullback(cotangents), expected, strict=True):
            torch.testing.assert_close(actual, wanted)


def test_steps_that_lead_nowhere_are_not_swept() -> None:
    @tape.primitive
    def unused(x: Any) -> Any:
        return x * 2

    def rule(g: Any) -> Any:
        raise AssertionError("nobody asked")

    unused.defvjp(x=rule)
    assert grad(lambda x: (unused(x), x * 3)[1])(torch.ones(())) == 3


def test_an_inner_level_has_the_larger_number_in_any_thread() -> None:
    outer, inner = Tape(), []
    thread = threading.Thread(target=lambda: inner.append(Tape()))
    thread.start()
    thread.join()
    assert inner[0].level > outer.level


def test_like_is_a_tensor_without_its_numbers() -> None:
    x = torch.ones(2, 3, dtype=torch.float64)
    expected = Like(torch.Size([2, 3]), torch.float64, torch.device("cpu"))
    assert like(x) == expected
    assert like({"x": x, "n": 2, "of": [x, None]}) == {"x": expected, "n": 2, "of": [expected, None]}
    assert like(box(Tape(), x)) == expected


def test_a_tape_of_a_function_that_keeps_nothing_holds_nothing() -> None:
    recorded = Tape()
    x = box(recorded, torch.ones(3))
    (x + 1).reshape(3, 1).expand(3, 2).sum()
    assert [step.primitive.name for step in recorded.steps] == ["add", "reshape", "expand", "sum"]
    for step in recorded.steps:
        assert not any(isinstance(residual, torch.Tensor) for residual in step.residuals)


@pytest.mark.parametrize("uses", [1, 2])
def test_a_gradient_has_no_graph_of_torchs_own_where_a_rule_starts_one(uses: int) -> None:
    weight = torch.full((3,), 2.0, requires_grad=True)

    @tape.primitive
    def weighed(x: Any) -> Any:
        return x * 2

    weighed.defvjp(x=lambda g: g * weight)
    gradient = grad(lambda x: sum(weighed(x).sum() for _ in range(uses)))(torch.ones(3))
    assert gradient.tolist() == [2.0 * uses] * 3
    assert not gradient.requires_grad


def test_a_recipe_that_a_rule_asks_for_twice_is_made_once() -> None:
    calls: list[Any] = []

    @tape.primitive
    def tripled(x: Any) -> Any:
        calls.append(x)
        return torch.cat([x, x, x])

    tripled.defvjp(x=lambda g: g.reshape(3, -1).sum(0))
    tripled.keep_recipe()

    def f(x: Any) -> Any:
        large = tripled(x)
        return (large * large).sum()

    assert grad(f)(torch.tensor([1.0, 2.0])).tolist() == [6, 12]
    assert len(calls) == 2  # forwards, and for the rules of the product
