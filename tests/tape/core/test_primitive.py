"""Primitives: how rules name what they need, and every way of getting one wrong."""

import functools
import gc
import weakref
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, primitive, vjp
from tape.core.primitive import Primitive
from tape.core.tape import Tape
from tape.core.traced import box

Halves = namedtuple("Halves", ["left", "right"])


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


def product() -> Any:
    @primitive
    def product(x: Any, y: Any, *, scale: float = 1.0) -> Any:
        return x * y * scale

    return product


class TestDefinition:
    def test_it_is_called_like_the_function(self, x: Tensor) -> None:
        f = product()
        f.defvjp(x=lambda g, y, scale: g * y * scale, y=None)
        for call in (
            lambda x: f(x, x + 1),
            lambda x: f(x, y=x + 1),
            lambda x: f(y=x + 1, x=x),
            lambda x: f(x, x + 1, scale=1.0),
        ):
            torch.testing.assert_close(call(x), x * (x + 1))
            torch.testing.assert_close(grad(lambda x, call=call: call(x).sum())(x), x + 1)
        torch.testing.assert_close(grad(lambda x: f(x, 2, scale=3.0).sum())(x), torch.full_like(x, 6))
        assert f.__name__ == "product"
        assert "product" in repr(f)

    def test_a_function_without_a_name_is_called_by_its_text(self, x: Tensor) -> None:
        unnamed = functools.partial(lambda y, x: x * y, 2.0)
        f = primitive(unnamed)
        assert f.name == repr(unnamed)
        f.defvjp(x=lambda g: g * 2)
        torch.testing.assert_close(grad(lambda x: f(x).sum())(x), torch.full_like(x, 2))

    def test_defaults_of_positional_parameters_hold(self, x: Tensor) -> None:
        @primitive
        def power(x: Any, n: int = 2) -> Any:
            return x**n

        power.defvjp(x=lambda g, x, n: g * n * x ** (n - 1))
        torch.testing.assert_close(grad(lambda x: power(x).sum())(x), 2 * x)
        torch.testing.assert_close(grad(lambda x: power(x, n=3).sum())(x), 3 * x**2)

    @pytest.mark.parametrize(
        ("function", "named"),
        [
            (lambda *xs: xs[0], r"\*xs"),
            (lambda x, **options: x, r"\*options"),
            (lambda g: g, "'g'.*cotangent"),
            (lambda x, *, ans: x, "'ans'.*output"),
        ],
    )
    def test_a_signature_that_rules_could_not_name_is_refused(self, function: Any, named: str) -> None:
        with pytest.raises(tape.TapeError, match=named):
            primitive(function)

    @pytest.mark.parametrize(
        ("rules", "named"),
        [
            ({"z": lambda g: g}, "'z' is not a parameter of product"),
            ({"scale": lambda g: g}, "'scale' is keyword-only"),
            ({"scale": None}, "'scale' is keyword-only"),
            ({"x": lambda g, z: g}, "rule for 'x' asks for 'z'"),
            ({"x": lambda g, z_like: g}, "asks for 'z_like'"),
            ({"x": lambda g, *others: g}, "asks for 'others'"),
            ({"x": lambda g, *, y: g}, "asks for 'y'"),
            ({"x": lambda g, **others: g}, "asks for 'others'"),
            ({"x": lambda g, ans_like: g}, "asks for 'ans_like'"),
        ],
    )
    def test_a_rule_that_asks_for_the_unknown_is_refused(self, rules: Any, named: str) -> None:
        f = product()
        with pytest.raises(tape.TapeError, match=named) as caught:
            f.defvjp(**rules)
        assert "product" in str(caught.value)

    def test_a_missing_rule_is_named_at_first_use(self, x: Tensor) -> None:
        f = product()
        f.defvjp(x=lambda g, y, scale: g * y * scale)
        torch.testing.assert_close(grad(lambda x: f(x, 2.0).sum())(x), torch.full_like(x, 2))
        with pytest.raises(tape.TapeError, match=r"product has no rule for its argument 'y'.*product\.defvjp\(y="):
            grad(lambda y: f(2.0, y).sum())(x)

    def test_rules_can_be_added_and_replaced(self, x: Tensor) -> None:
        f = product()
        f.defvjp(x=None)
        assert grad(lambda x: f(x, 2.0).sum())(x).eq(0).all()
        f.defvjp(x=lambda g, y: g * y)
        f.defvjp(y=lambda g, x: g * x)
        torch.testing.assert_close(grad(lambda x: f(x, x).sum())(x), 2 * x)
        f.defvjp(x=None)
        torch.testing.assert_close(grad(lambda x: f(x, x).sum())(x), x)

    def test_a_rule_behind_a_zero_derivative_is_looked_at_too(self) -> None:
        with pytest.raises(tape.TapeError, match="asks for 'z'"):
            product().defvjp(x=None, y=lambda g, z: g)


class TestCalls:
    @pytest.mark.parametrize(
        ("call", "named"),
        [
            (lambda f, x: f(x), "'y'"),
            (lambda f, x: f(y=x), "missing 1 required positional argument: 'x'"),
            (lambda f, x: f(x=x), "missing 1 required positional argument: 'y'"),
            (lambda f, x: f(x, x, x), "2 positional"),
            (lambda f, x: f(x, x, z=1), "'z'"),
            (lambda f, x: f(x, x, x=x), "multiple values for argument 'x'"),
            (lambda f, x: f(), "'x'"),
        ],
    )
    def test_wrong_arguments_are_a_type_error_that_names_the_op(self, call: Any, named: str, x: Tensor) -> None:
        f = product()
        f.defvjp(x=lambda g, y: g * y, y=None)
        for run in (lambda: call(f, x), lambda: vjp(lambda x: call(f, x), x)):
            with pytest.raises(TypeError, match=rf"product\(.*{named}"):
                run()

    @pytest.mark.parametrize("scale", [lambda x: x, lambda x: (1.0, [x])])
    def test_a_static_argument_cannot_be_traced(self, scale: Any, x: Tensor) -> None:
        f = product()
        f.defvjp(x=lambda g, y: g * y, y=None)
        with pytest.raises(tape.TapeError, match=r"product: its argument 'scale' is static"):
            vjp(lambda x: f(x, x, scale=scale(x)), x)

    @pytest.mark.parametrize("returned", [None, 1.0, {"a": torch.ones(1)}])
    def test_a_function_that_returns_no_tensor_is_refused(self, returned: Any, x: Tensor) -> None:
        odd = Primitive(lambda x: returned)
        odd.defvjp(x=lambda g: g)
        with pytest.raises(tape.TapeError, match=f"returned a {type(returned).__name__}"):
            vjp(odd, x)

    @pytest.mark.parametrize("many", [False, True])
    def test_a_complex_output_is_refused(self, many: bool, x: Tensor) -> None:
        @primitive
        def imaginary(x: Any) -> Any:
            return (x, x * 1j) if many else x * 1j

        imaginary.defvjp(x=lambda g: g)
        with pytest.raises(tape.TapeError, match=r"imaginary .*complex"):
            vjp(imaginary, x)

    def test_without_gradients_static_arguments_still_hold(self, x: Tensor) -> None:
        f = product()

        def scaled(x: Any) -> Any:
            with torch.no_grad():
                return f(x, 2.0, scale=3.0)

        assert vjp(scaled, x)[0].equal(6 * x)

    def test_an_integer_output_is_plain(self, x: Tensor) -> None:
        @primitive
        def largest(x: Any) -> Any:
            return torch.argmax(x)

        largest.defvjp(x=lambda g: g)
        recorded = Tape()
        place = largest(box(recorded, x))
        assert type(place) is Tensor
        assert place == 2
        assert recorded.steps == []

    def test_nothing_is_recorded_without_a_traced_argument(self, x: Tensor) -> None:
        f = product()  # without rules
        torch.testing.assert_close(grad(lambda y: (f(x, x) * y).sum())(x), x * x)


class TestRules:
    def test_a_rule_gets_what_it_names(self, x: Tensor) -> None:
        seen: dict[str, Any] = {}

        @primitive
        def f(x: Any, y: Any, n: int, flag: str = "on", *, scale: float = 2.0, offset: Any = None) -> Any:
            return x * scale + y.sum()

        def rule(
            g: Any, ans: Any, x: Any, y_like: Any, x_like: Any, n: int, flag: str, scale: float, offset: Any
        ) -> Any:
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

    def test_only_the_rules_that_are_asked_for_run(self, x: Tensor) -> None:
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

    def test_the_tape_keeps_what_rules_name_and_nothing_else(self) -> None:
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

    def test_none_is_a_zero_derivative(self, x: Tensor) -> None:
        @primitive
        def steps(x: Any) -> Any:
            return torch.floor(x)

        steps.defvjp(x=None)
        assert grad(lambda x: (steps(x) * x).sum())(x).equal(x)
        assert type(vjp(steps, x)[0]) is Tensor
        recorded = Tape()
        assert type(steps(box(recorded, x))) is Tensor
        assert recorded.steps == []

    def test_rules_see_nothing_of_torchs_own_graph(self, x: Tensor) -> None:
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

    def test_rules_may_call_the_primitive_itself(self, x: Tensor) -> None:
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
    def test_a_wrong_cotangent_names_the_op_and_the_argument(self, rule: Any, said: str, x: Tensor) -> None:
        @primitive
        def odd(x: Any) -> Any:
            return x * 1

        odd.defvjp(x=rule)
        with pytest.raises(tape.TapeError, match=rf"odd for its argument 'x'.*{said}") as caught:
            grad(lambda x: odd(x).sum())(x)
        assert "Traced" not in str(caught.value)

    def test_a_rule_may_leave_broadcasting_and_promotion_to_the_sweep(self, x: Tensor) -> None:
        f = product()
        f.defvjp(x=lambda g, y: g * y, y=lambda g, x: g * x)
        column = torch.ones(2, 1, dtype=torch.float32)
        ofx, ofcolumn = grad(lambda x, y: f(x, y).sum(), (0, 1))(x, column)
        torch.testing.assert_close(ofx, torch.full_like(x, 2))
        torch.testing.assert_close(ofcolumn, torch.full_like(column, 6))


class TestSeveralOutputs:
    @pytest.fixture(params=[tuple, list, lambda parts: Halves(*parts)], ids=["tuple", "list", "namedtuple"])
    def halve(self, request: pytest.FixtureRequest) -> Any:
        @primitive
        def halve(x: Any) -> Any:
            return request.param([x[:2] * 1, x[2:] * 1])

        halve.defvjp(x=lambda g: torch.cat([2 * g[0], 3 * g[1]]))
        return halve

    def test_the_kind_of_the_output_is_kept(self, halve: Any) -> None:
        x = torch.arange(5.0)
        kinds = []
        grad(lambda x: (kinds.append(type(halve(x))), x.sum())[1])(x)
        assert kinds == [type(halve(x))]

    @pytest.mark.parametrize("build", [list, tuple, lambda parts: Halves(*parts)])
    def test_outputs_have_nothing_of_torchs_own_graph(self, build: Any, x: Tensor) -> None:
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
    def test_zeros_stand_in_for_outputs_that_are_not_used(self, halve: Any, use: Any, expected: list[float]) -> None:
        assert grad(lambda x: use(*halve(x)))(torch.arange(5.0)).tolist() == expected

    @pytest.mark.parametrize(
        ("use", "expected"),
        [
            (lambda s: (s.values * torch.tensor([1.0, 2.0, 3.0])).sum(), [3, 1, 2]),
            (lambda s: s[1].sum().float(), [0, 0, 0]),
            (lambda s: torch.zeros(()), [0, 0, 0]),
        ],
    )
    def test_integer_outputs_are_plain(self, use: Callable[..., Any], expected: list[float]) -> None:
        def f(x: Any) -> Any:
            found = torch.sort(x)
            assert type(found.indices) is Tensor
            return use(found)

        assert grad(f)(torch.tensor([3.0, 1.0, 2.0])).tolist() == expected

    def test_nothing_is_recorded_where_all_outputs_are_integers(self, x: Tensor) -> None:
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

    def test_broadcasting_and_promotion_are_undone(self, x: Tensor) -> None:
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


class TestPytreeArguments:
    @pytest.fixture
    def weighted(self) -> Any:
        @primitive
        def weighted(parts: Any, weights: Any) -> Any:
            return sum(w * part for w, part in zip(weights, tape.tree.leaves(parts), strict=True))

        weighted.defvjp(parts=lambda g, parts_like, weights: [w * g for w in weights], weights=None)
        return weighted

    @pytest.mark.parametrize(
        "build",
        [
            lambda x, y: [x, y],
            lambda x, y: (x, y),
            lambda x, y: {"b": x, "a": y},
            lambda x, y: Halves(x, {"y": [y]}),
        ],
    )
    def test_a_rule_returns_one_cotangent_for_the_whole(self, weighted: Any, build: Any, x: Tensor) -> None:
        grads = grad(lambda x, y: weighted(build(x, y), [2.0, 3.0]).sum(), (0, 1))(x, x)
        torch.testing.assert_close(grads, (torch.full_like(x, 2), torch.full_like(x, 3)))
        torch.testing.assert_close(grad(lambda y: weighted(build(x, y), [2.0, 3.0]).sum())(x), torch.full_like(x, 3))

    def test_leaves_of_several_levels_are_told_apart(self, weighted: Any) -> None:
        def f(x: Any) -> Any:
            inner = grad(lambda y: weighted([x * x, y * y], [2.0, 3.0]) * x)(x)
            return weighted([inner, x], [1.0, 1.0])

        # inner = 3 * 2x * x
        assert grad(f)(torch.tensor(2.0)) == 12 * 2 + 1

    def test_the_innermost_of_several_levels_records_the_call_wherever_it_stands(self, weighted: Any) -> None:
        def product(x: Any, *, turned: bool) -> Any:
            def f(y: Any) -> Any:
                return weighted([y * y, x * x] if turned else [x * x, y * y], [2.0, 3.0])

            return grad(f)(x) * x

        assert grad(functools.partial(product, turned=True))(torch.tensor(2.0)) == 16
        assert grad(functools.partial(product, turned=False))(torch.tensor(2.0)) == 24

    def test_a_later_argument_may_be_the_pytree(self, x: Tensor) -> None:
        @primitive
        def scaled(factor: float, parts: Any) -> Any:
            return factor * parts[0] * parts[1]

        scaled.defvjp(parts=lambda g, factor, parts: [g * factor * parts[1], g * factor * parts[0]])
        torch.testing.assert_close(grad(lambda x: scaled(3.0, [x, x]).sum())(x), 6 * x)

    @pytest.mark.parametrize("inner", range(4))
    @pytest.mark.parametrize("outer", range(4))
    def test_an_outer_level_goes_by_the_rule_too(self, outer: int, inner: int) -> None:
        """And not by what the function does to a traced value: the rules here are not the function's."""

        @primitive
        def add(x: Any, y: Any, parts: Any) -> Any:
            return x + y + parts[0] + parts[1]

        add.defvjp(x=lambda g: 10 * g, y=lambda g: 20 * g, parts=lambda g: [30 * g, 40 * g])
        one = torch.ones(())

        def call(p: Any, q: Any) -> Any:
            values = [one, one, one, one]
            values[outer] = p
            values[inner] = q
            return add(values[0], values[1], values[2:])

        def value(p: Any) -> Any:
            return tape.value_and_grad(lambda q: call(p, q))(one if outer != inner else p)[0]

        assert grad(value)(one) == 10 * (outer + 1)

    def test_a_wrong_number_of_cotangents_names_the_op_and_the_argument(self, x: Tensor) -> None:
        @primitive
        def join(parts: Any) -> Any:
            return torch.cat(list(parts))

        join.defvjp(parts=lambda g: [g])
        with pytest.raises(tape.TapeError, match=r"join for its argument 'parts' returned 1 cotangents.* 2 leaves"):
            grad(lambda x: join((x, x)).sum())(x)

    def test_likes_and_changes_are_seen_at_every_leaf(self, x: Tensor) -> None:
        seen: list[Any] = []

        @primitive
        def pick(parts: Any) -> Any:
            return parts["a"] * parts["b"][0]

        def rule(g: Any, parts: Any, parts_like: Any) -> Any:
            seen.append(parts_like)
            return {"a": g * parts["b"][0], "b": [g * parts["a"]]}

        pick.defvjp(parts=rule)
        other = x.clone()
        _, pullback = vjp(lambda x: pick({"a": x, "b": [other]}), x)
        torch.testing.assert_close(pullback(x), (x * other,))
        like = (x.shape, x.dtype, x.device)
        assert seen == [{"a": like, "b": [like]}]
        other.add_(1)
        with pytest.raises(tape.TapeError, match=r"pick .*in place"):
            pullback(x)
