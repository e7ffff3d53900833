"""How rules name what they need, and every way of getting one wrong."""

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, primitive, vjp
from tape.core.tape import Tape
from tape.core.traced import box
from tests.tape.core.primitive.examples import product


def test_a_rule_gets_what_it_names(x: Tensor) -> None:
    seen: dict[str, Any] = {}

    @primitive
    def f(x: Any, y: Any, n: int, flag: str = "on", *, scale: float = 2.0, offset: Any = None) -> Any:
        return x * scale + y.sum()

    def rule(g: Any, ans: Any, x: Any, y_like: Any, x_like: Any, n: int, flag: str, scale: float, offset: Any) -> Any:
        seen.update(locals())
        return g * scale

    f.defvjp(x=rule, y=lambda g, y: g.sum() * torch.ones_like(y))
    y = torch.ones(2, 2, dtype=torch.float64)
    out, pullback = vjp(lambda x: f(x, y, 7, scale=3.0), x)
    pullback(x)
    for name in ("g", "x"):
        assert torch.equal(seen[name], x)
    assert torch.equal(seen["ans"], out)
    assert (seen["n"], seen["flag"], seen["scale"], seen["offset"]) == (7, "on", 3.0, None)
    assert seen["y_like"] == (y.shape, y.dtype, y.device)
    assert seen["x_like"] == (x.shape, x.dtype, x.device)


def test_only_the_rules_that_are_asked_for_run(x: Tensor) -> None:
    ran: list[str] = []
    f = product()
    f.defvjp(x=lambda g, y: (ran.append("x"), g * y)[1], y=lambda g, x: (ran.append("y"), g * x)[1])
    grad(lambda x: f(x, torch.ones(3, dtype=x.dtype)).sum())(x)
    assert ran == ["x"]
    grad(lambda x: (f(x, x), x.sum())[1])(x)
    assert ran == ["x"]
    whole = torch.tensor([1, 2, 3])
    vjp(lambda x, n: f(x, n), x, whole)[1](x)
    assert ran == ["x", "x"]


def test_the_tape_keeps_what_rules_name_and_nothing_else() -> None:
    kept: dict[str, weakref.ref[Tensor]] = {}

    @primitive
    def f(x: Any, y: Any) -> Any:
        return torch.add(x, y)

    f.defvjp(x=lambda g, y: g * y, y=lambda g, x_like: g)

    def outer(p: Any) -> Any:
        x, y = p + 1, p + 2
        ans = f(x, y)
        kept.update({name: weakref.ref(value.value) for name, value in {"x": x, "y": y, "ans": ans}.items()})
        return ans + 1

    gc.collect()
    _, pullback = vjp(outer, torch.ones(3))
    assert {name: ref() is not None for name, ref in kept.items()} == {"x": False, "y": True, "ans": False}
    pullback(torch.ones(3))


def test_none_is_a_zero_derivative(x: Tensor) -> None:
    @primitive
    def steps(x: Any) -> Any:
        return torch.floor(x)

    steps.defvjp(x=None)
    assert grad(lambda x: (steps(x) * x).sum())(x).equal(x)
    assert type(vjp(steps, x)[0]) is Tensor
    recorded = Tape()
    assert type(steps(box(recorded, x))) is Tensor
    assert recorded.steps == []


def test_rules_see_nothing_of_torchs_own_graph(x: Tensor) -> None:
    weight = torch.nn.Parameter(x + 1)
    leaf = weight.detach().requires_grad_()
    seen: list[Any] = []

    @primitive
    def weighted(x: Any, y: Any, parts: Any) -> Any:
        return x * y * parts[0] * weight

    def rule(g: Any, ans: Any, x: Any, y: Any, parts: Any) -> Any:
        seen.extend([g, ans, x, y, parts[0]])
        return g * y * parts[0] * weight  # this result has a graph, which ends at the boundary

    weighted.defvjp(x=rule, y=None, parts=None)
    _, pullback = vjp(lambda x: weighted(x, weight, [weight]) + weighted(x, leaf, (weight,)), x.requires_grad_())
    (cotangent,) = pullback(weight)
    assert len(seen) == 10
    assert not any(value.requires_grad for value in [*seen, cotangent])
    torch.testing.assert_close(cotangent, 2 * weight.detach() ** 4)


def test_rules_may_call_the_primitive_itself(x: Tensor) -> None:
    @primitive
    def e(x: Any) -> Any:
        return torch.exp(x)

    e.defvjp(x=lambda g, x: g * e(x))
    third = grad(lambda x: grad(lambda x: grad(lambda x: e(x).sum())(x).sum())(x).sum())
    torch.testing.assert_close(third(x), torch.exp(x))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda g: None, "None"),
        (lambda g: 1.0, "a float"),
        (lambda g: [g], "a list"),
        (lambda g: g[:2], r"shape \(2,\).*\(3,\)"),
        (lambda g: g[None], r"shape \(1, 3\)"),
        (lambda g: g.sum(), r"shape \(\)"),
        (lambda g: g.reshape(3, 1), r"shape \(3, 1\)"),
        (lambda g: g.expand(2, 3), r"shape \(2, 3\)"),
        (lambda g: g.float(), "float32.*float64"),
    ],
)
def test_a_wrong_cotangent_names_the_op_and_the_argument(rule: Any, said: str, x: Tensor) -> None:
    @primitive
    def odd(x: Any) -> Any:
        return x * 1

    odd.defvjp(x=rule)
    with pytest.raises(tape.TapeError, match=rf"odd for its argument 'x'.*{said}") as caught:
        grad(lambda x: odd(x).sum())(x)
    assert "Traced" not in str(caught.value)


def test_a_rule_may_leave_broadcasting_and_promotion_to_the_sweep(x: Tensor) -> None:
    f = product()
    f.defvjp(x=lambda g, y: g * y, y=lambda g, x: g * x)
    column = torch.ones(2, 1, dtype=torch.float32)
    ofx, ofcolumn = grad(lambda x, y: f(x, y).sum(), (0, 1))(x, column)
    torch.testing.assert_close(ofx, torch.full_like(x, 2))
    torch.testing.assert_close(ofcolumn, torch.full_like(column, 6))
