"""custom_vjp: JAX's semantics."""

from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, hessian, jacfwd, jvp, vjp
from tests.tape.transforms.custom.making import close, made, product


@pytest.fixture
def sine() -> Any:
    return made(
        product,
        lambda x, y: (x * torch.sin(y), (torch.sin(y), torch.cos(y), x)),
        lambda kept, g: (kept[0] * g, kept[1] * kept[2] * g),
    )


def test_all_derivatives_of_a_right_rule_are_right(sine: Any, x: Tensor) -> None:
    y = x + 1
    of = lambda f: lambda x, y: (f(x, y) ** 2).sum()
    close(sine(x, y), product(x, y))
    close(grad(of(sine), (0, 1))(x, y), grad(of(product), (0, 1))(x, y))
    close(hessian(of(sine), (0, 1))(x, y), hessian(of(product), (0, 1))(x, y))
    close(jvp(sine, (x, y), (y, x)), jvp(product, (x, y), (y, x)))
    third = lambda f: grad(lambda x: grad(lambda x: grad(of(f))(x, y).sum())(x).sum())
    close(third(sine)(x), third(product)(x))
    rows = torch.stack([x, y])
    close(torch.func.vmap(grad(of(sine)), (0, None))(rows, y), torch.stack([grad(of(product))(r, y) for r in rows]))


def test_the_rule_is_what_counts(x: Tensor) -> None:
    straight = made(torch.round, lambda x: (straight(x), None), lambda _, g: (g,))
    close(grad(lambda x: straight(x).sum())(x), torch.ones_like(x))
    close(jacfwd(straight)(x), torch.eye(3, dtype=x.dtype))
    close(grad(grad(lambda x: (straight(x) * x).sum()))(torch.tensor(2.0)), torch.tensor(2.0))


def test_only_what_it_runs_is_run(x: Tensor) -> None:
    ran: list[str] = []

    def note(name: str, result: Any) -> Any:
        ran.append(name)
        return result

    f = made(
        lambda x: note("f", x * 2),
        lambda x: note("fwd", (x * 2, None)),
        lambda _, g: note("bwd", (g * 2,)),
    )
    f(x)
    assert ran == ["f"]
    _, pullback = vjp(f, x)
    assert ran == ["f", "fwd"]
    pullback(x)
    assert ran == ["f", "fwd", "bwd"]
    with torch.no_grad():
        f(x)
    assert ran[-1] == "f"


def test_one_step_keeps_the_residuals_alone() -> None:
    f = made(torch.tanh, lambda x: (torch.tanh(x.sin().exp()), x[:10] * 1), lambda kept, g: (g * kept.sum(),))
    program = tape.trace(f)(torch.zeros(1000))
    assert [step.op for step in program.steps] == ["custom_vjp tanh"]
    assert program.residual_bytes == 40


def test_pytrees(x: Tensor) -> None:
    def f(p: Any, y: Any) -> Any:
        return {"out": [p["w"] * y], "index": y.argmax(), "none": None}

    def bwd(kept: Any, g: Any) -> Any:
        p, y = kept
        assert g["index"] is None
        assert g["none"] is None
        return {"w": g["out"][0] * y, "unused": None}, g["out"][0] * p["w"]

    custom = made(f, lambda p, y: (f(p, y), (p, y)), bwd)
    p = {"w": x + 1, "unused": x}
    out, pullback = vjp(custom, p, x)
    close(out, f(p, x))
    cotangent = {"out": [x], "index": None, "none": None}
    close(pullback(cotangent), ({"w": x * x, "unused": torch.zeros_like(x)}, x * (x + 1)))


def test_a_pytree_alone(x: Tensor) -> None:
    f = made(lambda p: p["a"] * 2, bwd=lambda _, g: ({"a": g * 2},))
    close(grad(lambda p: f(p).sum())({"a": x}), {"a": torch.full_like(x, 2)})


def test_none_is_zero(x: Tensor) -> None:
    f = made(lambda p, y: p["a"] * y, bwd=lambda _, g: (None, g))
    close(grad(lambda p, y: f(p, y).sum(), (0, 1))({"a": x}, x), ({"a": torch.zeros_like(x)}, torch.ones_like(x)))


def test_integers_and_numbers_need_no_cotangent(x: Tensor) -> None:
    for given in (None, 1.0, torch.ones(())):
        f = made(lambda x, n, m: x * n * m, bwd=lambda _, g, given=given: (g * 6, given, given))
        close(grad(lambda x, f=f: f(x, torch.tensor(2), 3.0).sum())(x), torch.full_like(x, 6))


def test_untraced_arguments_are_constants(x: Tensor) -> None:
    f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
    close(grad(lambda x: f(x, x + 1).sum())(x), 2 * x + 1)
    close(grad(lambda y: f(x, y).sum())(x + 1), x)


def test_several_cotangents_of_one_value_add_up(x: Tensor) -> None:
    f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
    close(grad(lambda x: f(x, x).sum())(x), 2 * x)


def test_a_partial_output_has_zeros_beside_it(x: Tensor) -> None:
    f = made(lambda x: (x * 2, x * 3), bwd=lambda _, g: (2 * g[0] + 3 * g[1],))
    close(grad(lambda x: f(x)[1].sum())(x), torch.full_like(x, 3))


def test_levels_of_arguments_differ(x: Tensor) -> None:
    f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
    nested = lambda m: grad(lambda x: grad(lambda y: (m(x, y) * y).sum())(x * 1.0).square().sum())(x)
    close(nested(f), nested(torch.mul))


def test_within_a_checkpoint(x: Tensor) -> None:
    f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
    close(grad(lambda x: tape.checkpoint(lambda: f(x, x).sum())())(x), 2 * x)
    close(grad(lambda x: tape.checkpoint(lambda: f(x, x * 1.0).sum())())(x), 2 * x)


def test_an_argument_is_returned_as_it_is(x: Tensor) -> None:
    f = made(lambda x: x, lambda x: (x, None), lambda _, g: (-g,))
    close(grad(lambda x: f(x).sum())(x), -torch.ones_like(x))
