"""Primitives with several outputs."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tape import grad, primitive, vjp
from tape.core.tape import Tape
from tape.core.traced import box
from tests.tape.core.primitive.examples import Halves


@pytest.fixture(params=[tuple, list, lambda parts: Halves(*parts)], ids=["tuple", "list", "namedtuple"])
def halve(request: pytest.FixtureRequest) -> Any:
    @primitive
    def halve(x: Any) -> Any:
        return request.param([x[:2] * 1, x[2:] * 1])

    halve.defvjp(x=lambda g: torch.cat([2 * g[0], 3 * g[1]]))
    return halve


def test_the_kind_of_the_output_is_kept(halve: Any) -> None:
    x = torch.arange(5.0)
    kinds = []
    grad(lambda x: (kinds.append(type(halve(x))), x.sum())[1])(x)
    assert kinds == [type(halve(x))]


@pytest.mark.parametrize("build", [list, tuple, lambda parts: Halves(*parts)])
def test_outputs_have_nothing_of_torchs_own_graph(build: Any, x: Tensor) -> None:
    weight = torch.nn.Parameter(x + 1)
    seen: list[Any] = []

    @primitive
    def twice(x: Any) -> Any:
        return build([x * weight, weight * 1])

    def rule(g: Any, ans: Any) -> Any:
        seen.extend(ans)
        return g[0] * weight.detach()

    twice.defvjp(x=rule)
    grad(lambda x: twice(x)[0].sum())(x)
    assert [part.requires_grad for part in seen] == [False, False]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (lambda a, b: a.sum() + b.sum(), [2, 2, 3, 3, 3]),
        (lambda a, b: a.sum(), [2, 2, 0, 0, 0]),
        (lambda a, b: b.sum(), [0, 0, 3, 3, 3]),
        (lambda a, b: torch.zeros(()), [0, 0, 0, 0, 0]),
    ],
)
def test_zeros_stand_in_for_outputs_that_are_not_used(halve: Any, use: Any, expected: list[float]) -> None:
    assert grad(lambda x: use(*halve(x)))(torch.arange(5.0)).tolist() == expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (lambda s: (s.values * torch.tensor([1.0, 2.0, 3.0])).sum(), [3, 1, 2]),
        (lambda s: s[1].sum().float(), [0, 0, 0]),
        (lambda s: torch.zeros(()), [0, 0, 0]),
    ],
)
def test_integer_outputs_are_plain(use: Callable[..., Any], expected: list[float]) -> None:
    def f(x: Any) -> Any:
        found = torch.sort(x)
        assert type(found.indices) is Tensor
        return use(found)

    assert grad(f)(torch.tensor([3.0, 1.0, 2.0])).tolist() == expected


def test_nothing_is_recorded_where_all_outputs_are_integers(x: Tensor) -> None:
    @primitive
    def orders(x: Any) -> Any:
        return torch.argsort(x), torch.argmax(x)

    orders.defvjp(x=lambda g: pytest.fail("no rule is due"))
    out, pullback = vjp(orders, x)
    assert all(type(part) is Tensor for part in out)
    assert pullback((None, None))[0].eq(0).all()
    recorded = Tape()
    assert all(type(part) is Tensor for part in orders(box(recorded, x)))
    assert recorded.steps == []


def test_broadcasting_and_promotion_are_undone(x: Tensor) -> None:
    @primitive
    def both(x: Any, y: Any) -> Any:
        return x + y, x * y

    both.defvjp(x=lambda g, y: g[0] + g[1] * y, y=lambda g, x: g[0] + g[1] * x)
    column = torch.ones(2, 1, dtype=torch.float32)

    def f(x: Any, y: Any) -> Any:
        added, multiplied = both(x, y)
        return added.sum() + multiplied.sum()

    ofx, ofcolumn = grad(f, (0, 1))(x, column)
    torch.testing.assert_close(ofx, torch.full_like(x, 4))
    torch.testing.assert_close(ofcolumn, torch.full_like(column, 9))
