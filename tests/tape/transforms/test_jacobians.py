"""jacrev, jacfwd and hessian: shapes and nesting are torch.func's, and so are the numbers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import tape
from tape import grad, hessian, hvp, jacfwd, jacrev, vjp

# What torch.func's forward mode imports warns of itself.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is (deprecated|not supported)")

both = pytest.mark.parametrize("jacobian", [jacrev, jacfwd])


def close(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e, rtol=1e-10, atol=1e-10)


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


shapes = st.lists(st.integers(1, 3), max_size=2).map(tuple)
structures = st.recursive(
    shapes.map(lambda shape: torch.empty(shape, dtype=torch.float64)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2),
        st.lists(inner, min_size=1, max_size=2).map(tuple),
        st.dictionaries(st.sampled_from("ab"), inner, min_size=1, max_size=2),
    ),
    max_leaves=3,
)


def filled(like: Any, seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return tape.tree.map(lambda x: torch.randn(x.shape, generator=generator, dtype=x.dtype), like)


def drawn_function(out: Any) -> Callable[..., Any]:
    """A function of any pytrees whose output has a drawn structure; every output depends on every input."""

    def f(*args: Any) -> Any:
        numbers = torch.cat([leaf.reshape(-1) for leaf in tape.tree.leaves(args)])
        mixed = torch.sin(numbers) * numbers.flip(0)

        def leaf(like: Tensor) -> Any:
            count = like.numel() * len(numbers)
            weights = torch.arange(count, dtype=torch.float64).cos().reshape((*like.shape, len(numbers)))
            return torch.tanh(weights @ mixed)

        return tape.tree.map(leaf, out)

    return f


argnums = st.sampled_from([0, 1, -1, (0,), (0, 1), (1, 0)])


class TestArguments:
    @both
    def test_keywords_other_arguments_and_aux(self, jacobian: Any, x: Tensor) -> None:
        def f(n: int, x: Any, *, scale: Any, name: str) -> Any:
            return n * x * scale, {"name": name, "twice": x * 2}

        found, aux = jacobian(f, 1, has_aux=True)(3, x, scale=x, name="f")
        assert aux.pop("name") == "f"
        close((found, aux), (torch.diag(3 * x), {"twice": 2 * x}))

    def test_hessian_has_aux(self, x: Tensor) -> None:
        second, aux = hessian(lambda x: ((x**3).sum(), x * 2), has_aux=True)(x)
        close((second, aux), (torch.diag(6 * x), 2 * x))

    @both
    def test_empty_tensors(self, jacobian: Any, x: Tensor) -> None:
        none = torch.empty(0, dtype=torch.float64)
        f = lambda x, e: {"x": x * 2, "e": e.sin()}
        for found in (jacobian(f, (0, 1))(x, none), jacobian(lambda e: f(x, e), 0)(none)):
            parts = [found[key][1] if isinstance(found[key], tuple) else found[key] for key in ("x", "e")]
            assert [tuple(part.shape) for part in parts] == [(3, 0), (0, 0)]
        assert tuple(jacobian(f, (0, 1))(x, none)["e"][0].shape) == (0, 3)
        close(jacobian(f, (0, 1))(x, none)["x"][0], 2 * torch.eye(3, dtype=torch.float64))

    @both
    def test_no_leaves(self, jacobian: Any, x: Tensor) -> None:
        assert jacobian(lambda x: {})(x) == {}
        assert jacobian(lambda p: x)({}) == {}
        assert jacobian(lambda p, q: x, (0, 1))(None, ()) == (None, ())

    @both
    def test_what_holds_no_numbers_has_none(self, jacobian: Any, x: Tensor) -> None:
        found = jacobian(lambda p: p["x"] * 2)({"x": x, "name": "p", "flag": True, "none": None})
        assert found.pop("x").equal(2 * torch.eye(3, dtype=torch.float64))
        assert found == {"name": None, "flag": None, "none": None}

    @both
    def test_constants_and_unused_arguments(self, jacobian: Any, x: Tensor) -> None:
        close(jacobian(lambda x: (torch.ones(2, dtype=torch.float64), x))(x)[0], torch.zeros(2, 3, dtype=torch.float64))
        unused = jacobian(lambda x, y: x * 2, 1)(x, x[:2])
        close(unused, torch.zeros(3, 2, dtype=torch.float64))
        unused[0, 0] = 5  # a result is written into without a trace elsewhere
        assert unused.sum() == 5

    @both
    def test_results_share_memory_with_nothing(self, jacobian: Any, x: Tensor) -> None:
        found = tape.tree.leaves(jacobian(lambda p: (p["a"], p["a"] * p["b"]))({"a": x, "b": x}))
        pointers = [leaf.untyped_storage().data_ptr() for leaf in [*found, x]]
        assert len(set(pointers)) == len(pointers)

    @both
    def test_devices(self, jacobian: Any) -> None:
        """On one without numbers, so that no accelerator is needed."""
        found = jacobian(lambda x: x * 2)(torch.ones(3, device="meta"))
        assert found.device.type == "meta"
        assert found.shape == (3, 3)

    def test_dtypes(self) -> None:
        single, double = torch.ones(2), torch.ones(2, dtype=torch.float64)
        assert jacrev(lambda x, y: x * y, (0, 1))(single, double)[0].dtype == torch.float32
        assert jacfwd(lambda x, y: x * y, (0, 1))(single, double)[0].dtype == torch.float64


class TestNesting:
    @pytest.mark.parametrize("outer", [jacrev, jacfwd, hessian])
    @both
    def test_jacobians_of_jacobians(self, outer: Any, jacobian: Any, x: Tensor) -> None:
        f = lambda x: torch.stack([x.prod(), x[0] ** 4 * x[1], x.sin().sum()])
        torchs = {jacrev: torch.func.jacrev, jacfwd: torch.func.jacfwd, hessian: torch.func.hessian}
        close(outer(jacobian(f))(x), torchs[outer](torchs[jacobian](f))(x))

    def test_four_levels(self, x: Tensor) -> None:
        f = lambda x: (x**5).sum() * 1.0
        fourth = jacfwd(jacrev(jacfwd(grad(f))))(x)
        expected = torch.zeros(3, 3, 3, 3, dtype=torch.float64)
        for i in range(3):
            expected[i, i, i, i] = 120 * x[i]
        close(fourth, expected)

    @both
    def test_a_jacobian_within_a_gradient(self, jacobian: Any, x: Tensor) -> None:
        close(grad(lambda x: jacobian(lambda y: y * y * x)(x).square().sum())(x), 16 * x**3)

    @both
    def test_batched_jacobians(self, jacobian: Any, x: Tensor) -> None:
        rows = torch.stack([x, 2 * x])
        f = lambda x: {"a": x * x.sum(), "b": x.prod()}
        together = torch.func.vmap(jacobian(f))(rows)
        close(together, tape.tree.map(lambda a, b: torch.stack([a, b]), jacobian(f)(x), jacobian(f)(2 * x)))
        weighed = grad(lambda x: jacobian(lambda y: y**3)(x).sum())
        close(torch.func.vmap(weighed)(rows), torch.stack([6 * x, 12 * x]))
        close(torch.func.vmap(hessian(lambda x: x.prod()))(rows)[1], hessian(lambda x: x.prod())(2 * x))

    @pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
    @both
    def test_a_guard_around_changes_nothing(self, guard: Any, jacobian: Any, x: Tensor) -> None:
        with guard():
            close(jacobian(torch.sin)(x), torch.diag(torch.cos(x)))
            close(hessian(lambda x: (x**3).sum())(x), torch.diag(6 * x))


def test_blocks_that_an_outer_level_differentiates_beside_constant_ones(x: Tensor) -> None:
    def outer(w: Any) -> Any:
        blocks = jacrev(lambda p: w * p["a"] + p["b"])({"a": x, "b": x})
        return blocks["a"].square().sum() + blocks["b"].sum()

    close(grad(outer)(x), 2 * x)


class TestRefusals:
    @pytest.mark.parametrize("transformation", [jacrev, jacfwd, hessian])
    def test_an_integer_argument(self, transformation: Any, x: Tensor) -> None:
        with pytest.raises(tape.TapeError, match=r"argument 1 at n is a tensor of torch\.int64, which has no gradient"):
            transformation(lambda x, p: x * p["n"], (0, 1))(x, {"n": torch.tensor(2)})

    @pytest.mark.parametrize("transformation", [jacrev, jacfwd])
    def test_a_python_number(self, transformation: Any) -> None:
        with pytest.raises(TypeError, match=r"argument 0 is the Python number 2\.0"):
            transformation(lambda x: x)(2.0)

    @pytest.mark.parametrize("transformation", [jacrev, jacfwd])
    def test_argnums_out_of_range(self, transformation: Any, x: Tensor) -> None:
        with pytest.raises(ValueError, match="argnums 1 is out of range"):
            transformation(lambda x: x, 1)(x)

    @both
    @pytest.mark.parametrize(
        ("result", "kind"),
        [
            (lambda x: x.argmax(), "the output is a tensor of torch.int64, which"),
            (lambda x: {"y": x, "n": x > 0}, "the output n is a tensor of torch.bool, which"),
            (lambda x: (x, 2.0), "the output 1 is 2.0, which"),
            (lambda x: "name", "the output is a str, which"),
        ],
    )
    def test_an_output_without_a_derivative(self, jacobian: Any, result: Any, kind: str, x: Tensor) -> None:
        with pytest.raises(tape.TapeError, match="has_aux=True") as caught:
            jacobian(result)(x)
        assert f"{jacobian.__name__}: {kind}" in str(caught.value)


class TestAgainstTorch:
    @given(first=structures, second=structures, out=structures, argnums=argnums, seed=st.integers(0, 2**32))
    def test_jacobians_of_drawn_pytrees(self, first: Any, second: Any, out: Any, argnums: Any, seed: int) -> None:
        f, args = drawn_function(out), (filled(first, seed), filled(second, seed + 1))
        counted = argnums if isinstance(argnums, tuple) or argnums >= 0 else 2 + argnums
        expected = torch.func.jacrev(f, counted)(*args)
        by_rows, by_columns = jacrev(f, argnums)(*args), jacfwd(f, argnums)(*args)
        close(by_rows, expected)
        close(by_columns, expected)
        close(by_columns, torch.func.jacfwd(f, counted)(*args))

    @given(first=structures, second=structures, out=structures, argnums=argnums, seed=st.integers(0, 2**32))
    def test_hessians_of_drawn_pytrees(self, first: Any, second: Any, out: Any, argnums: Any, seed: int) -> None:
        f, args = drawn_function(out), (filled(first, seed), filled(second, seed + 1))
        counted = argnums if isinstance(argnums, tuple) or argnums >= 0 else 2 + argnums
        close(hessian(f, argnums)(*args), torch.func.hessian(f, counted)(*args))

    @given(like=structures, seed=st.integers(0, 2**32))
    def test_hessian_times_a_vector_is_hvp(self, like: Any, seed: int) -> None:
        f = lambda p: drawn_function(torch.empty((), dtype=torch.float64))(p)
        p, v = filled(like, seed), filled(like, seed + 1)
        leaves, treedef = tape.tree.flatten(p)
        columns = tape.tree.flatten_up_to(treedef, hessian(f)(p))
        product = [
            sum(
                torch.tensordot(block, y, y.ndim)
                for block, y in zip(tape.tree.leaves(row), tape.tree.leaves(v), strict=True)
            )
            for row in columns
        ]
        assert len(product) == len(leaves)
        close(hvp(f, (p,), (v,)), (tape.tree.unflatten(treedef, product),))

    @both
    def test_rows_and_columns_are_pullbacks_and_pushforwards(self, jacobian: Any, x: Tensor) -> None:
        f = lambda x: torch.outer(x.sin(), x).cumsum(0)
        _, pullback = vjp(f, x)
        g = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        close(torch.tensordot(g, jacobian(f)(x), 2), pullback(g)[0])
