"""custom_vjp: JAX's semantics, and errors that name the function and the argument."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import custom_vjp, grad, hessian, jacfwd, jvp, vjp


def close(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e)


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def made(f: Callable[..., Any], fwd: Any = None, bwd: Any = None, **options: Any) -> Any:
    function = custom_vjp(f, **options)
    if bwd is not None:
        function.defvjp(fwd or (lambda *args: (f(*args), None)), bwd)
    return function


def product(x: Any, y: Any) -> Any:
    """x sin(y), by hand."""
    return x * torch.sin(y)


class TestSemantics:
    @pytest.fixture
    def sine(self) -> Any:
        return made(
            product,
            lambda x, y: (x * torch.sin(y), (torch.sin(y), torch.cos(y), x)),
            lambda kept, g: (kept[0] * g, kept[1] * kept[2] * g),
        )

    def test_all_derivatives_of_a_right_rule_are_right(self, sine: Any, x: Tensor) -> None:
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

    def test_the_rule_is_what_counts(self, x: Tensor) -> None:
        straight = made(torch.round, lambda x: (straight(x), None), lambda _, g: (g,))
        close(grad(lambda x: straight(x).sum())(x), torch.ones_like(x))
        close(jacfwd(straight)(x), torch.eye(3, dtype=x.dtype))
        close(grad(grad(lambda x: (straight(x) * x).sum()))(torch.tensor(2.0)), torch.tensor(2.0))

    def test_only_what_it_runs_is_run(self, x: Tensor) -> None:
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

    def test_one_step_keeps_the_residuals_alone(self) -> None:
        f = made(torch.tanh, lambda x: (torch.tanh(x.sin().exp()), x[:10] * 1), lambda kept, g: (g * kept.sum(),))
        program = tape.trace(f)(torch.zeros(1000))
        assert [step.op for step in program.steps] == ["custom_vjp tanh"]
        assert program.residual_bytes == 40

    def test_pytrees(self, x: Tensor) -> None:
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

    def test_none_is_zero(self, x: Tensor) -> None:
        f = made(lambda p, y: p["a"] * y, bwd=lambda _, g: (None, g))
        close(grad(lambda p, y: f(p, y).sum(), (0, 1))({"a": x}, x), ({"a": torch.zeros_like(x)}, torch.ones_like(x)))

    def test_integers_and_numbers_need_no_cotangent(self, x: Tensor) -> None:
        for given in (None, 1.0, torch.ones(())):
            f = made(lambda x, n, m: x * n * m, bwd=lambda _, g, given=given: (g * 6, given, given))
            close(grad(lambda x, f=f: f(x, torch.tensor(2), 3.0).sum())(x), torch.full_like(x, 6))

    def test_untraced_arguments_are_constants(self, x: Tensor) -> None:
        f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
        close(grad(lambda x: f(x, x + 1).sum())(x), 2 * x + 1)
        close(grad(lambda y: f(x, y).sum())(x + 1), x)

    def test_several_cotangents_of_one_value_add_up(self, x: Tensor) -> None:
        f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
        close(grad(lambda x: f(x, x).sum())(x), 2 * x)

    def test_a_partial_output_has_zeros_beside_it(self, x: Tensor) -> None:
        f = made(lambda x: (x * 2, x * 3), bwd=lambda _, g: (2 * g[0] + 3 * g[1],))
        close(grad(lambda x: f(x)[1].sum())(x), torch.full_like(x, 3))

    def test_levels_of_arguments_differ(self, x: Tensor) -> None:
        f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
        nested = lambda m: grad(lambda x: grad(lambda y: (m(x, y) * y).sum())(x * 1.0).square().sum())(x)
        close(nested(f), nested(torch.mul))

    def test_within_a_checkpoint(self, x: Tensor) -> None:
        f = made(torch.mul, lambda x, y: (x * y, (x, y)), lambda kept, g: (g * kept[1], g * kept[0]))
        close(grad(lambda x: tape.checkpoint(lambda: f(x, x).sum())())(x), 2 * x)

    def test_an_argument_is_returned_as_it_is(self, x: Tensor) -> None:
        f = made(lambda x: x, lambda x: (x, None), lambda _, g: (-g,))
        close(grad(lambda x: f(x).sum())(x), -torch.ones_like(x))


class TestNondiffArgnums:
    def test_they_come_first_in_bwd(self, x: Tensor) -> None:
        def scaled(times: float, x: Any, function: Any) -> Any:
            return times * function(x)

        f = made(
            scaled,
            lambda times, x, function: (scaled(times, x, function), x),
            lambda times, function, x, g: (g * times * torch.cos(x),) if function is torch.sin else None,
            nondiff_argnums=(2, 0),
        )
        close(grad(lambda x: f(3.0, x, torch.sin).sum())(x), 3 * torch.cos(x))
        negative = made(scaled, f.fwd, f.bwd, nondiff_argnums=(-1, 0))
        close(grad(lambda x: negative(3.0, x, torch.sin).sum())(x), 3 * torch.cos(x))

    def test_a_tensor_among_them_is_a_constant(self, x: Tensor) -> None:
        f = made(torch.mul, lambda x, y: (x * y, None), lambda y, _, g: (g * y,), nondiff_argnums=[1])
        close(grad(lambda x: f(x, torch.full_like(x, 2)).sum())(x), torch.full_like(x, 2))
        close(grad(lambda x: f(x, tape.stop_gradient(x)).sum())(x), x)

    def test_a_traced_value_among_them_is_refused(self, x: Tensor) -> None:
        def times(x: Any, y: Any) -> Any:
            return x * y

        f = made(times, bwd=lambda y, _, g: (g,), nondiff_argnums=(1,))
        message = "custom_vjp times: argument 'y' is among nondiff_argnums and holds a traced value .*stop_gradient"
        for args in (lambda v: (v, v), lambda v: (x, [v])):
            with pytest.raises(tape.TapeError, match=message.replace(" .*", ", .*")):
                grad(lambda v, args=args: f(*args(v)).sum())(x)

    def test_out_of_range(self, x: Tensor) -> None:
        with pytest.raises(ValueError, match=r"nondiff_argnums 2 is out of range: .* called with 1 argument"):
            made(torch.sin, nondiff_argnums=(2,))(x)


class TestKeywords:
    def test_they_are_understood_by_the_signature(self, x: Tensor) -> None:
        def f(x: Any, y: Any, times: Any = 2.0) -> Any:
            return x * y * times

        custom = made(f, lambda x, y, times: (x * y * times, (x, y, times)), lambda k, g: (g * k[1] * k[2], g, None))
        close(grad(lambda x: custom(y=x + 1, x=x).sum())(x), 2 * (x + 1) + 1)
        close(grad(lambda x: custom(x, times=3.0, y=x.detach()).sum())(x), 3 * x)

    def test_keyword_only_arguments_are_refused(self, x: Tensor) -> None:
        with pytest.raises(TypeError, match="custom_vjp <lambda>: the keyword 'y' has no position"):
            made(lambda x, *, y=1: x)(x, y=2)
        close(made(lambda x, *, y=2: x * y)(x), 2 * x)

    def test_a_function_without_a_signature_takes_positions(self, x: Tensor) -> None:
        f = made(torch.sin, lambda x: (torch.sin(x), x), lambda x, g: (g * torch.cos(x),))
        close(grad(lambda x: f(x).sum())(x), torch.cos(x))
        with pytest.raises(TypeError, match="by position"):
            f(input=x)

    def test_wrong_calls_are_type_errors(self, x: Tensor) -> None:
        with pytest.raises(TypeError, match="argument"):
            made(lambda x: x)(x, x)

    def test_it_presents_itself_as_the_function(self) -> None:
        custom = custom_vjp(product)
        assert custom.__name__ == "product"
        assert custom.__doc__ == "x sin(y), by hand."
        assert repr(custom) == "<custom_vjp product>"


class TestRefusals:
    def pulled(self, bwd: Any, x: Tensor) -> str:
        def f(x: Any, p: Any) -> Any:
            return x * p["w"]

        custom = made(f, bwd=bwd)
        with pytest.raises(tape.TapeError) as caught:
            grad(lambda x, p: custom(x, p).sum(), (0, 1))(x, {"w": x})
        return str(caught.value)

    @pytest.mark.parametrize(
        ("pulled", "message"),
        [
            (
                lambda g: (g,),
                "bwd must return a tuple of 2, one cotangent for each differentiable argument, not a tuple of 1",
            ),
            (
                lambda g: [g, {"w": g}],
                "bwd must return a tuple of 2, one cotangent for each differentiable argument, not a list",
            ),
            (
                lambda g: None,
                "bwd must return a tuple of 2, one cotangent for each differentiable argument, not None",
            ),
            (
                lambda g: (g, g),
                "the cotangent of argument 'p' has another structure than the argument: it lacks w",
            ),
            (
                lambda g: (g, {"w": g, "v": g}),
                "the cotangent of argument 'p' has another structure than the argument: it has v besides",
            ),
            (
                lambda g: (g[:1], {"w": g}),
                "the cotangent of argument 'x' has shape (1,) and torch.float64 on cpu; "
                "the argument has shape (3,) and torch.float64 on cpu",
            ),
            (
                lambda g: (g, {"w": g.float()}),
                "the cotangent of argument 'p' at w has shape (3,) and torch.float32 on cpu; "
                "the argument has shape (3,) and torch.float64 on cpu",
            ),
            (
                lambda g: (g, {"w": 0.0}),
                "the cotangent of argument 'p' at w is 0.0; it must be a tensor of shape (3,)",
            ),
        ],
    )
    def test_what_bwd_returns_must_fit(self, pulled: Any, message: str, x: Tensor) -> None:
        assert self.pulled(lambda _, g: pulled(g), x) == f"custom_vjp f: {message}"

    @pytest.mark.parametrize(
        ("result", "kind"),
        [(lambda x: x, r"a tensor of shape \(3,\)"), (lambda x: (x, x, x), "a tuple"), (list, "a list")],
    )
    def test_fwd_returns_a_pair(self, result: Any, kind: str, x: Tensor) -> None:
        f = made(torch.sin, result, lambda _, g: (g,))
        with pytest.raises(
            tape.TapeError, match=rf"custom_vjp sin: fwd must return a pair \(out, residuals\), not {kind}"
        ):
            grad(lambda x: f(x).sum())(x)

    def test_without_a_rule(self, x: Tensor) -> None:
        f = custom_vjp(torch.sin)
        close(f(x), torch.sin(x))
        with pytest.raises(tape.TapeError, match=r"custom_vjp sin has no derivative yet; .*\.defvjp\(fwd, bwd\)"):
            grad(lambda x: f(x).sum())(x)

    @pytest.mark.parametrize(
        "use",
        [
            lambda w, x, make: make(lambda x: x * w)(x),
            lambda w, x, make: make(lambda x: x * w)(w),
            lambda w, x, make: make(lambda x: w)(w),
            lambda w, x, make: make(lambda x: (x, [w]))(x)[0],
            lambda w, x, make: make(lambda x: torch.cat([x, w]))(x),
            lambda w, x, make: grad(lambda x: make(lambda x: (x * w).sum())(x))(x),
            lambda w, x, make: grad(lambda v: make(lambda y: (y * v).sum())(w))(x),
            lambda w, x, make: vjp(lambda v: make(lambda y: v)(w * v), x)[0],
        ],
    )
    def test_a_value_that_is_closed_over_is_refused(self, use: Any, x: Tensor) -> None:
        make = lambda f: made(f, bwd=lambda _, g: (g,))
        with pytest.raises(tape.TapeError, match=r"not among its arguments, .* pass it as an argument"):
            grad(lambda w: use(w, x, make).sum())(x)

    def test_constants_that_are_closed_over_are_welcome(self, x: Tensor) -> None:
        f = made(lambda y: x * y, bwd=lambda _, g: (g * x,))
        close(grad(lambda y: f(y).sum())(x + 1), x)
        close(grad(lambda w: (made(lambda y: x * y + grad(torch.sum)(y), bwd=lambda _, g: (g * x,))(w)).sum())(x), x)

    def test_a_value_that_bwd_closes_over_is_refused(self, x: Tensor) -> None:
        def outer(w: Any) -> Any:
            return made(torch.sin, lambda x: (torch.sin(x), None), lambda _, g: (g * w,))(w).sum()

        with pytest.raises(tape.TapeError, match="has ended"):
            grad(outer)(x)

    def test_a_value_of_an_ended_level(self, x: Tensor) -> None:
        kept: list[Any] = []
        grad(lambda x: (kept.append(x), x.sum())[1])(x)
        with pytest.raises(tape.TapeError, match="custom_vjp sin got a traced value whose transformation has ended"):
            made(torch.sin, bwd=lambda _, g: (g,))(kept[0])

    def test_an_exception_in_bwd_names_it(self, x: Tensor) -> None:
        def bwd(_: Any, g: Any) -> Any:
            raise ZeroDivisionError("mine")

        with pytest.raises(ZeroDivisionError, match="mine") as caught:
            grad(lambda x: made(torch.sin, bwd=bwd)(x).sum())(x)
        assert any("custom_vjp sin" in note for note in caught.value.__notes__)
