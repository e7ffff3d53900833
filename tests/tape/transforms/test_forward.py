"""jvp and hvp: laws that hold for every function, and what they refuse."""

import weakref
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tape
from tape import grad, hessian, hvp, jacfwd, jacrev, jvp, stop_gradient, vjp
from tape.verify.fuzz.drawing import Deck, draw_program
from tape.verify.fuzz.program import Program

# What torch.func's forward mode imports warns of itself.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is (deprecated|not supported)")

seeds = st.integers(0, 2**32)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A random composition of any of the engine's primitives."""
    seed = draw(seeds)
    return draw_program(Random(seed), Deck(Random(seed)), draw(st.integers(1, 6)))


def function(program: Program) -> Callable[..., list[Any]]:
    return lambda *inputs: list(program(*inputs))


def drawn(like: Any, seed: int) -> Any:
    """Random tensors like those of a pytree; None in the place of what is no floating-point tensor."""
    generator = torch.Generator().manual_seed(seed)

    def leaf(x: Tensor) -> Any:
        floating = isinstance(x, Tensor) and x.is_floating_point()
        return torch.randn(x.shape, generator=generator, dtype=x.dtype) if floating else None

    return tape.tree.map(leaf, like)


def inner(a: Any, b: Any) -> Tensor:
    pairs = zip(tape.tree.leaves(a), tape.tree.leaves(b), strict=True)
    return sum(((x.double() * y.double()).sum() for x, y in pairs), torch.zeros((), dtype=torch.float64))


def close(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    leaves = tape.tree.leaves(expected)
    largest = max((x.abs().max().item() for x in leaves if isinstance(x, Tensor) and x.numel()), default=1.0)
    for a, e in zip(tape.tree.leaves(actual), leaves, strict=True):
        torch.testing.assert_close(a, e, rtol=1e-8, atol=1e-10 * max(largest, 1.0))


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


class TestLaws:
    @given(program=programs(), seed=seeds)
    def test_jvp_and_vjp_are_adjoint(self, program: Program, seed: int) -> None:
        f, inputs = function(program), tuple(program.inputs.values())
        out, pullback = vjp(f, *inputs)
        tangents, cotangents = drawn(inputs, seed), drawn(out, seed + 1)
        same, tangent_out = jvp(f, inputs, tangents)
        close(same, out)
        forward, backward = inner(tangent_out, cotangents), inner(pullback(cotangents), tangents)
        scale = sum(x.abs().max() for x in tape.tree.leaves(tangent_out) if x.numel())
        torch.testing.assert_close(forward, backward, rtol=1e-7, atol=1e-10 * (1 + float(scale)))

    @given(program=programs(), seed=seeds, factor=st.sampled_from([0.0, -1.0, 2.5]))
    def test_jvp_is_linear_in_the_tangents(self, program: Program, seed: int, factor: float) -> None:
        f, inputs = function(program), tuple(program.inputs.values())
        one, other = drawn(inputs, seed), drawn(inputs, seed + 1)
        both = tape.tree.map(lambda a, b: factor * a + b, one, other)
        along = lambda tangents: jvp(f, inputs, tangents)[1]
        close(along(both), tape.tree.map(lambda a, b: factor * a + b, along(one), along(other)))

    @given(seed=seeds, first=st.integers(0, 6), second=st.integers(0, 6))
    def test_the_chain_rule(self, seed: int, first: int, second: int) -> None:
        functions: list[Callable[..., Any]] = [
            torch.sin,
            lambda x: x.softmax(0),
            lambda x: x.cumsum(0) * x,
            lambda x: torch.outer(x, x).tanh().sum(1),
            lambda x: x.flip(0) / (1 + x * x),
            lambda x: torch.cat([x[1:], x[:1].exp()]),
            lambda x: x.sort().values * 2,
        ]
        f, g = functions[first], functions[second]
        x, tangent = drawn((torch.empty(3, dtype=torch.float64),) * 2, seed)
        middle, carried = jvp(f, (x,), (tangent,))
        close(jvp(lambda x: g(f(x)), (x,), (tangent,)), jvp(g, (middle,), (carried,)))
        _, back = vjp(lambda x: g(f(x)), x)
        _, back_f = vjp(f, x)
        _, back_g = vjp(g, middle)
        close(back(tangent), back_f(back_g(tangent)[0]))

    @given(program=programs(), seed=seeds)
    def test_hvp_is_the_gradients_derivative(self, program: Program, seed: int) -> None:
        inputs = tuple(program.inputs.values())
        cotangents = drawn(vjp(function(program), *inputs)[0], seed)

        def f(*inputs: Any) -> Any:
            return sum(((y * g).sum() for y, g in zip(function(program)(*inputs), cotangents, strict=True)))

        tangents = drawn(inputs, seed + 1)
        _, expected = jvp(grad(f, range(len(inputs))), inputs, tangents)
        close(hvp(f, inputs, tangents), expected)


class TestLeaves:
    def test_what_is_no_floating_point_tensor_has_no_tangent(self, x: Tensor) -> None:
        f = lambda x, n, flag: (x * n if flag else x, x.argmax(), "name")
        out, tangent = jvp(f, (x, torch.tensor(3), True), (x, None, None))
        assert out[1:] == (2, "name")
        assert tangent[1:] == (None, None)
        close(tangent[0], 3 * x)

    def test_names_among_the_primals_have_no_tangent(self, x: Tensor) -> None:
        f = lambda p: getattr(torch, p["name"])(p["w"]).sum()
        close(hvp(f, ({"w": x, "name": "sin"},), ({"w": x, "name": None},)), ({"w": -x * torch.sin(x), "name": None},))

    def test_constant_outputs_and_unused_inputs(self, x: Tensor) -> None:
        _, tangent = jvp(lambda x, y: (torch.ones(2), y, stop_gradient(x)), (x, x), (x, x))
        close(tangent, (torch.zeros(2), x, torch.zeros_like(x)))

    def test_lists_serve_as_tuples(self, x: Tensor) -> None:
        close(jvp(torch.sin, [x], [x])[1], x * torch.cos(x))
        close(hvp(lambda x: (x**3).sum(), [x], [x]), (6 * x * x,))

    def test_results_share_memory_with_nothing(self, x: Tensor) -> None:
        tangent = x + 1
        for f in (lambda x: x, lambda x: (x, x), lambda x: x.reshape(1, 3)):
            results = tape.tree.leaves(jvp(f, (x,), (tangent,)))
            pointers = [t.untyped_storage().data_ptr() for t in [*results, x, tangent]]
            assert len(set(pointers)) == len(pointers)

    def test_residuals_are_freed_while_the_pullback_is_recorded(self) -> None:
        residuals: list[weakref.ref[Tensor]] = []
        alive: list[int] = []

        @tape.primitive
        def watched(x: Any) -> Any:
            ans = torch.sin(x)
            residuals.append(weakref.ref(ans))
            return ans

        def rule(g: Any, ans: Any) -> Any:
            alive.append(sum(ref() is not None for ref in residuals))
            return g * ans.sum()

        watched.defvjp(x=rule)

        def f(x: Any) -> Any:
            for _ in range(20):
                x = watched(x)
            return x

        x = torch.ones(3)
        jvp(f, (x,), (x,))
        assert alive[0] == 20
        assert alive[-1] <= 3

    def test_a_chain_of_ten_thousand_operations(self) -> None:
        def f(x: Any) -> Any:
            for _ in range(10_000):
                x = x * 1.0001
            return x

        x = torch.tensor(1.0, dtype=torch.float64)
        close(jvp(f, (x,), (x,))[1], torch.tensor(1.0001**10_000, dtype=torch.float64))


# Ways to differentiate a function from numbers to numbers once.
DERIVATIVES: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "reverse": grad,
    "pullback": lambda f: lambda x: vjp(f, x)[1](torch.ones((), dtype=torch.float64))[0],
    "forward": lambda f: lambda x: jvp(f, (x,), (torch.ones((), dtype=torch.float64),))[1],
    "jacrev": jacrev,
    "jacfwd": jacfwd,
    "checkpoint": lambda f: grad(tape.checkpoint(f)),
}


class TestNesting:
    @given(ways=st.lists(st.sampled_from(sorted(DERIVATIVES)), min_size=4, max_size=4), value=st.floats(-1.5, 1.5))
    def test_four_levels_in_any_mixture(self, ways: list[str], value: float) -> None:
        x = torch.tensor(value, dtype=torch.float64)
        f: Callable[..., Any] = lambda x: torch.sin(2 * x) * torch.exp(x)
        for way in ways:
            f = DERIVATIVES[way](f)
        # The fourth derivative of the imaginary part of exp((1 + 2i) x).
        expected = ((1 + 2j) ** 4 * torch.exp((1 + 2j) * x.to(torch.complex128))).imag
        close(f(x), expected)

    @given(ways=st.lists(st.sampled_from(sorted(DERIVATIVES)), min_size=3, max_size=3))
    def test_levels_do_not_mix(self, ways: list[str]) -> None:
        first, second, third = (DERIVATIVES[way] for way in ways)
        x = torch.tensor(3.0, dtype=torch.float64)
        f = first(lambda x: x * second(lambda y: x * y * third(lambda z: x * y * z)(y))(x))
        # The innermost is x y; the middle one d/dy of x² y² is 2 x² y, at y = x 2 x³; times x that is 2 x⁴.
        assert f(x) == 8 * 27

    def test_a_tangent_of_an_outer_level_is_differentiated(self, x: Tensor) -> None:
        gradient = grad(lambda t: (jvp(lambda x: x**3, (x,), (t,))[1] * t).sum())(x)
        close(gradient, 6 * x**3)

    def test_hessians_by_all_four_orders(self, x: Tensor) -> None:
        f = lambda x: torch.sin(x.prod()) + (x**3).sum()
        expected = torch.func.hessian(f)(x)
        for outer in (jacfwd, jacrev):
            for within in (jacfwd, jacrev, grad):
                close(outer(within(f))(x), expected)
        close(hessian(f)(x), expected)

    def test_under_vmap(self, x: Tensor) -> None:
        f = lambda x: torch.sin(x).cumsum(0) * x
        rows = torch.stack([x, x + 1, 2 * x])
        along = lambda x, t: jvp(f, (x,), (t,))[1]
        close(torch.func.vmap(along)(rows, rows), torch.stack([along(row, row) for row in rows]))
        curved = lambda x, t: hvp(lambda x: f(x).sum(), (x,), (t,))[0]
        close(torch.func.vmap(curved)(rows, rows), torch.stack([curved(row, row) for row in rows]))


class TestRefusals:
    @pytest.mark.parametrize("transformation", [jvp, hvp])
    def test_primals_and_tangents_are_tuples(self, transformation: Any, x: Tensor) -> None:
        name = transformation.__name__
        with pytest.raises(TypeError, match=f"{name}: primals must be a tuple .* not a Tensor"):
            transformation(torch.sin, x, (x,))
        with pytest.raises(TypeError, match=f"{name}: tangents must be a tuple .* not a dict"):
            transformation(torch.sin, (x,), {"x": x})

    @pytest.mark.parametrize("transformation", [jvp, hvp])
    @pytest.mark.parametrize(
        ("tangents", "message"),
        [
            (lambda x: (), "the tangent has another structure than the primal: it lacks 0.w"),
            (lambda x: ({"w": x}, x), "the tangent has another structure than the primal: it has 1 besides"),
            (
                lambda x: ({"w": x[:2]},),
                "the tangent of primal 0 at w has shape (2,) and torch.float64 on cpu; "
                "the primal has shape (3,) and torch.float64 on cpu",
            ),
            (
                lambda x: ({"w": x.float()},),
                "the tangent of primal 0 at w has shape (3,) and torch.float32 on cpu; "
                "the primal has shape (3,) and torch.float64 on cpu",
            ),
            (lambda x: ({"w": 1.0},), "the tangent of primal 0 at w is 1.0; it must be a tensor of shape (3,)"),
            (lambda x: ({"w": None},), "the tangent of primal 0 at w is None; it must be a tensor of shape (3,)"),
        ],
    )
    def test_tangents_that_do_not_fit(self, transformation: Any, tangents: Any, message: str, x: Tensor) -> None:
        with pytest.raises(tape.TapeError) as caught:
            transformation(lambda p: p["w"].sum(), ({"w": x},), tangents(x))
        assert str(caught.value) == message

    def test_an_integer_takes_no_tangent(self, x: Tensor) -> None:
        with pytest.raises(tape.TapeError, match=r"primal 1 is a tensor of shape .* must be None"):
            jvp(lambda x, n: x * n, (x, torch.tensor(3)), (x, torch.tensor(3)))

    def test_hvp_of_an_integer(self, x: Tensor) -> None:
        with pytest.raises(tape.TapeError, match=r"hvp: primal 1 at n is a tensor of torch.int64, .* close over it"):
            hvp(lambda x, p: (x * p["n"]).sum(), (x, {"n": torch.tensor(3)}), (x, {"n": None}))

    @pytest.mark.parametrize("transformation", [jvp, hvp])
    def test_a_python_number(self, transformation: Any) -> None:
        with pytest.raises(TypeError, match=r"primal 0 is the Python number 2\.0"):
            transformation(lambda x: x, (2.0,), (1.0,))

    @pytest.mark.parametrize("transformation", [jvp, hvp])
    def test_complex_numbers(self, transformation: Any) -> None:
        with pytest.raises(tape.TapeError, match=r"primal 0 .* dense real tensors"):
            transformation(lambda x: x, (torch.ones(2, dtype=torch.complex64),), (torch.ones(2),))

    def test_hvp_of_a_function_that_is_no_number(self, x: Tensor) -> None:
        with pytest.raises(tape.TapeError, match="0-d"):
            hvp(torch.sin, (x,), (x,))


class TestAgainstTorch:
    @given(seed=seeds)
    def test_jvp_of_pytrees(self, seed: int) -> None:
        def f(p: Any, y: Any) -> Any:
            return {"a": torch.sin(p["w"] @ y), "b": [(p["w"] * p["v"]).sum(), y]}

        like = ({"w": torch.empty(2, 3), "v": torch.empty(3)}, torch.empty(3))
        primals = drawn(tape.tree.map(torch.Tensor.double, like), seed)
        tangents = drawn(primals, seed + 1)
        close(jvp(f, primals, tangents), torch.func.jvp(f, primals, tangents))

    def test_has_aux(self, x: Tensor) -> None:
        f = lambda x: (x * x, {"twice": x * 2, "name": "f"})
        out, tangent, aux = jvp(f, (x,), (torch.ones_like(x),), has_aux=True)
        assert aux.pop("name") == "f"
        close((out, tangent, aux), (x * x, 2 * x, {"twice": 2 * x}))

    def test_dtypes_are_kept(self) -> None:
        for dtype in (torch.float16, torch.bfloat16, torch.float32):
            x = torch.ones(3, dtype=dtype)
            _, tangent = jvp(lambda x: (x.sin(), x.double() * 2), (x,), (x,))
            assert [t.dtype for t in tangent] == [dtype, torch.float64]
