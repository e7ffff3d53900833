"""vjp, grad and value_and_grad: what goes in, what comes out, and how they nest."""

import gc
import threading
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import vmap

import tape
from tape import grad, stop_gradient, value_and_grad, vjp
from tape.running import standing_in

Pair = namedtuple("Pair", ["first", "second"])


@tape.tree.register_dataclass
@dataclass
class Line:
    slope: Any
    offset: Any


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


def same(actual: Any, expected: Any) -> None:
    assert tape.tree.flatten(actual)[1] == tape.tree.flatten(expected)[1]
    for a, e in zip(tape.tree.leaves(actual), tape.tree.leaves(expected), strict=True):
        torch.testing.assert_close(a, e)


def cube(x: Any) -> Any:
    return (x**3).sum()


class TestPytrees:
    @pytest.mark.parametrize(
        "build",
        [
            lambda a, b: {"z": a, "a": b},
            lambda a, b: OrderedDict(z=a, a=b),
            lambda a, b: [a, (b,)],
            lambda a, b: Pair(a, b),
            lambda a, b: Line(a, b),
            lambda a, b: {"a": None, "of": [Line(Pair(a, None), {"b": b}), ()]},
        ],
        ids=["dict", "ordered dict", "list and tuple", "namedtuple", "dataclass", "nested with None"],
    )
    def test_gradients_have_the_structure_of_the_argument(self, build: Callable[..., Any], x: Tensor) -> None:
        def f(params: Any) -> Any:
            a, b = tape.tree.leaves(params)
            return (a * b).sum()

        same(grad(f)(build(x, x + 1)), build(x + 1, x))

    def test_the_order_of_a_dict_is_kept(self, x: Tensor) -> None:
        params = {"z": x, "a": x, "m": x}
        assert list(grad(lambda p: (p["a"] * p["z"] * p["m"]).sum())(params)) == ["z", "a", "m"]
        out, pullback = vjp(lambda p: {"z": p["a"], "a": p["z"]}, params)
        assert list(out) == ["z", "a"]
        assert list(pullback({"z": x, "a": x})[0]) == ["z", "a", "m"]

    def test_a_function_sees_the_structure_it_was_given(self, x: Tensor) -> None:
        seen = []
        grad(lambda p: (seen.append(p), p.slope.sum())[1])(Line(x, None))
        assert type(seen[0]) is Line
        assert seen[0].offset is None

    def test_outputs_of_vjp_are_a_pytree(self, x: Tensor) -> None:
        out, pullback = vjp(lambda x: {"sum": x.sum(), "parts": (x * 2, [x, None])}, x)
        same(out, {"sum": x.sum(), "parts": (x * 2, [x, None])})
        one = torch.ones((), dtype=torch.float64)
        same(pullback({"sum": one, "parts": (x, [x, None])}), (1 + 2 * x + x,))

    def test_no_leaves_give_no_gradients(self) -> None:
        assert grad(lambda p: torch.ones(()))({}) == {}
        assert grad(lambda p: torch.ones(()))(None) is None


class TestArguments:
    @pytest.mark.parametrize(
        ("argnums", "expected"),
        [(0, "y"), (1, "x"), (-1, "x"), ((1, 0), ("x", "y")), ([0], ("y",)), ((-2,), ("y",)), ((), ())],
    )
    def test_argnums_choose_positional_arguments(self, argnums: Any, expected: Any, x: Tensor) -> None:
        values = {"x": x, "y": x + 1}
        chosen = grad(lambda x, y: (x * y).sum(), argnums)(values["x"], values["y"])
        same(chosen, tape.tree.map(lambda name: values[name], expected))

    @pytest.mark.parametrize(("argnums", "args"), [(1, 1), (-2, 1), ((0, 2), 2), (0, 0)])
    def test_argnums_out_of_range_are_refused(self, argnums: Any, args: int, x: Tensor) -> None:
        with pytest.raises(ValueError, match=f"argnums .* called with {args} arguments"):
            grad(lambda *args: args[0].sum(), argnums)(*[x] * args)

    def test_argnums_are_those_that_were_given_first(self, x: Tensor) -> None:
        argnums = [0]
        gradient = grad(lambda x, y: (x * y).sum(), argnums)
        argnums.append(1)
        same(gradient(x, x + 1), (x + 1,))

    @pytest.mark.parametrize("argnums", [(0, 0), (0, -2)])
    def test_an_argument_named_twice_is_refused(self, argnums: Any, x: Tensor) -> None:
        with pytest.raises(ValueError, match="twice"):
            grad(lambda x, y: (x * y).sum(), argnums)(x, x)

    def test_other_arguments_and_keywords_pass_through_untouched(self, x: Tensor) -> None:
        marker, count = object(), torch.tensor(3)
        seen: list[Any] = []

        def f(x: Any, *others: Any, **options: Any) -> Any:
            seen.extend([*others, *options.values()])
            return x.sum()

        grad(f)(x, marker, 2, "name", count, weight=x, flag=None)
        for actual, expected in zip(seen, [marker, 2, "name", count, x, None], strict=True):
            assert actual is expected

    def test_has_aux(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            return x.sum(), {"double": x * 2, "name": "f", "plain": torch.tensor(1)}

        aux = {"double": x * 2, "name": "f", "plain": torch.tensor(1)}
        for grads, given in (grad(f, has_aux=True)(x), value_and_grad(f, has_aux=True)(x)[::-1]):
            gradient, found = (grads, given) if isinstance(given, dict) else (grads, given[1])
            same(gradient, torch.ones_like(x))
            assert found.pop("name") == "f"
            same(found, {"double": aux["double"], "plain": aux["plain"]})
        (value, _), _ = value_and_grad(f, has_aux=True)(x)
        same(value, x.sum())
        out, pullback, found = vjp(f, x, has_aux=True)
        same((out, found["double"]), (x.sum(), x * 2))
        same(pullback(torch.ones_like(out)), (torch.ones_like(x),))

    @pytest.mark.parametrize(
        ("result", "described"),
        [
            (lambda x: x.sum(), r"a tensor of shape \(\)"),
            (lambda x: x, r"a tensor of shape \(3,\)"),
            (lambda x: (x.sum(), x, x), "a tuple"),
            (lambda x: [x.sum(), x], "a list"),
            (lambda x: None, "None"),
            (lambda x: 2, "2"),
        ],
    )
    def test_has_aux_wants_a_pair(self, result: Callable[..., Any], described: str, x: Tensor) -> None:
        for transformed in (lambda: grad(result, has_aux=True)(x), lambda: vjp(result, x, has_aux=True)):
            with pytest.raises(tape.TapeError, match=rf"a pair \(out, aux\), not {described}$"):
                transformed()

    @pytest.mark.parametrize("number", [2, 2.0, 1j])
    def test_a_python_number_has_no_gradient(self, number: Any, x: Tensor) -> None:
        with pytest.raises(TypeError, match=r"argument 1 at scale is the Python number .*torch\.tensor"):
            grad(lambda x, p: (x * p["scale"]).sum(), 1)(x, {"scale": number})
        with pytest.raises(TypeError, match="primal 0 is the Python number"):
            vjp(lambda x: x, number)

    @pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
    def test_integers_and_booleans_have_no_gradient(self, dtype: torch.dtype, x: Tensor) -> None:
        whole = x.to(dtype)
        out, pullback = vjp(lambda x, p: x * p["whole"], x, {"whole": whole, "x": x})
        same(out, x * whole)
        same(pullback(x), (x * whole, {"whole": None, "x": torch.zeros_like(x)}))
        with pytest.raises(tape.TapeError, match=f"argument 1 at whole is a tensor of {dtype}"):
            grad(lambda x, p: (x * p["whole"]).sum(), 1)(x, {"whole": whole})

    def test_what_holds_no_numbers_passes_through_as_a_primal(self, x: Tensor) -> None:
        out, pullback = vjp(lambda x, flag, mode: x * 2 if flag and mode == "double" else x, x, True, "double")
        same(out, x * 2)
        assert pullback(x)[1:] == (None, None)

    @pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
    @pytest.mark.filterwarnings("ignore:.*quantiz.*")
    @pytest.mark.parametrize(
        "unusual",
        [
            lambda: torch.ones(2, dtype=torch.complex64),
            lambda: torch.ones(2).to_sparse(),
            lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.jagged),
            lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
            lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        ],
        ids=["complex", "sparse", "jagged", "nested", "quantized"],
    )
    def test_unusual_tensors_are_refused_at_the_door(self, unusual: Callable[[], Tensor]) -> None:
        with pytest.raises(tape.TapeError, match=r"primal 0 at layers\.0 .* dense real tensors"):
            vjp(lambda p: p["layers"][0], {"layers": [unusual()]})
        with pytest.raises(tape.TapeError, match="argument 0"):
            grad(lambda x: x.sum())(unusual())

    def test_a_complex_tensor_is_not_told_to_become_real(self) -> None:
        with pytest.raises(tape.TapeError, match="derivatives are of dense real tensors"):
            grad(lambda x: x.sum())(torch.ones(2, dtype=torch.complex64))


class TestResults:
    @pytest.mark.parametrize(
        ("result", "described"),
        [
            (lambda x: x, r"shape \(3,\)"),
            (lambda x: x.sum().reshape(1), r"shape \(1,\)"),
            (lambda x: x.argmax(), "int64"),
            (lambda x: (x.sum(), x.sum()), "tuple"),
            (lambda x: None, "None"),
            (lambda x: "text", "str"),
        ],
    )
    def test_a_result_without_a_gradient_is_refused(
        self, result: Callable[..., Any], described: str, x: Tensor
    ) -> None:
        for transformation in (grad, value_and_grad):
            with pytest.raises(tape.TapeError, match=described) as caught:
                transformation(result)(x)
            assert "Traced" not in str(caught.value)

    @pytest.mark.parametrize(
        "constant",
        [
            lambda x, y: torch.tensor(2.0),
            lambda x, y: 2.0,
            lambda x, y: torch.floor(x).sum(),
            lambda x, y: x.detach().sum(),
            lambda x, y: (x > 2).to(torch.float32).sum(),
        ],
    )
    def test_constant_functions_have_zero_gradients(self, constant: Callable[..., Any], x: Tensor) -> None:
        single = torch.ones(2, dtype=torch.float32)
        value, grads = value_and_grad(constant, (0, 1))(x, {"unused": single})
        same(torch.as_tensor(value), torch.as_tensor(constant(x, single)))
        same(grads, (torch.zeros_like(x), {"unused": torch.zeros_like(single)}))

    def test_what_is_no_floating_point_tensor_takes_no_cotangent(self, x: Tensor) -> None:
        out, pullback = vjp(lambda x: {"values": tuple(x.sort()), "most": x.argmax(), "n": 3, "name": "f"}, x)
        assert (out["most"], out["n"], out["name"]) == (2, 3, "f")
        cotangent = {"values": (x, None), "most": None, "n": None, "name": None}
        same(pullback(cotangent), (x,))
        with pytest.raises(tape.TapeError, match=r"output most .* must be None"):
            pullback({**cotangent, "most": torch.tensor(1)})

    def test_the_sweep_begins_on_the_device_of_the_result(self) -> None:
        devices: list[str] = []

        @tape.primitive
        def last(x: Any) -> Any:
            return x * 1

        last.defvjp(x=lambda g: (devices.append(g.device.type), g)[1])
        grad(lambda x: last(x))(torch.ones((), device="meta"))
        assert devices == ["meta"]

    def test_results_do_not_require_grad(self, x: Tensor) -> None:
        x.requires_grad_()
        closed = torch.nn.Parameter(x * 2)

        def f(p: Any) -> Any:
            outside = closed * closed  # torch's own graph, which must not come along
            return (p * closed + p * outside + torch.cat([p, closed])[:3]).sum() + outside.sum()

        value, grads = value_and_grad(f)(x)
        out, pullback, aux = vjp(lambda p: (p * closed + p * 2, (closed, p)), x, has_aux=True)
        (cotangent,) = pullback(closed)
        expected = closed.detach() + closed.detach() ** 2 + 1
        torch.testing.assert_close(grads, expected)
        for result in (value, grads, out, cotangent, *aux):
            assert not result.requires_grad
        assert x.requires_grad
        assert x.grad is None

    def test_inputs_that_require_grad_are_seen_as_plain_values(self, x: Tensor) -> None:
        seen = []
        grad(lambda p: (seen.append(p.requires_grad), p.sum())[1])(x.requires_grad_())
        assert seen == [False]


class TestPullbacks:
    def test_a_pullback_may_be_called_again(self, x: Tensor) -> None:
        _, pullback = vjp(lambda x: x**2, x)
        same(pullback(x), (2 * x * x,))
        same(pullback(-2 * x), (-4 * x * x,))

    def test_a_pullback_returns_a_tuple_with_an_entry_for_each_primal(self, x: Tensor) -> None:
        _, pullback = vjp(lambda a, b: a["w"] * b, {"w": x, "unused": x}, x + 1)
        same(pullback(x), ({"w": x * (x + 1), "unused": torch.zeros_like(x)}, x * x))

    def test_a_single_use_pullback_says_so_when_used_twice(self, x: Tensor) -> None:
        _, pullback = vjp(lambda x: x**2, x, keep=False)
        same(pullback(x), (2 * x * x,))
        with pytest.raises(tape.TapeError, match="keep=True"):
            pullback(x)

    def test_a_wrong_cotangent_does_not_use_it_up(self, x: Tensor) -> None:
        _, pullback = vjp(lambda x: x**2, x, keep=False)
        with pytest.raises(tape.TapeError):
            pullback(x[:2])
        same(pullback(x), (2 * x * x,))

    @pytest.mark.parametrize(
        ("cotangent", "named"),
        [
            (lambda x: {"a": x, "b": [x[:2]]}, r"output b\.0 has shape \(2,\).*\(3,\)"),
            (lambda x: {"a": x.float(), "b": [x]}, r"output a .*float32.*float64"),
            (lambda x: {"a": x.to_sparse(), "b": [x]}, r"output a .*sparse"),
            (lambda x: {"a": x.to("meta"), "b": [x]}, r"output a .*meta.*cpu"),
            (lambda x: {"a": 1.0, "b": [x]}, r"output a is 1\.0"),
            (lambda x: {"a": None, "b": [x]}, r"output a is None"),
            (lambda x: {"a": x, "b": [[x]]}, r"output b\.0 is a list"),
            (lambda x: {"a": x}, r"lacks b\.0"),
            (lambda x: {"a": x, "b": [x], "c": x}, "has c besides"),
            (lambda x: {"a": x, "b": (x,)}, r"is .*\(\*,\).* where the output is .*\[\*\]"),
            (lambda x: x, r"lacks a, b\.0"),
        ],
    )
    def test_a_cotangent_unlike_the_output_is_refused_by_path(
        self, cotangent: Callable[..., Any], named: str, x: Tensor
    ) -> None:
        _, pullback = vjp(lambda x: {"a": x * 2, "b": [x]}, x)
        with pytest.raises(tape.TapeError, match=named):
            pullback(cotangent(x))

    @pytest.mark.parametrize(
        ("cotangent", "message"),
        [
            (
                lambda x: {"a": x[:2], "b": [x]},
                "the cotangent of output a has shape (2,) and torch.float64 on cpu; "
                "the output has shape (3,) and torch.float64 on cpu",
            ),
            (
                lambda x: {"a": x.to_sparse(), "b": [x]},
                "the cotangent of output a has shape (3,) and torch.float64 on cpu, torch.sparse_coo; "
                "the output has shape (3,) and torch.float64 on cpu",
            ),
            (
                lambda x: {"a": 1, "b": [x]},
                "the cotangent of output a is 1; it must be a tensor of shape (3,)",
            ),
            (
                lambda x: {"a": x},
                "the cotangent has another structure than the output: it lacks b.0",
            ),
            (
                lambda x: {"a": x, "b": [x, x], "c": x},
                "the cotangent has another structure than the output: it has b.1, c besides",
            ),
            (
                lambda x: [x],
                "the cotangent has another structure than the output: it lacks a, b.0 and has 0 besides",
            ),
        ],
    )
    def test_a_refusal_says_what_is_there_and_what_is_due(
        self, cotangent: Callable[..., Any], message: str, x: Tensor
    ) -> None:
        _, pullback = vjp(lambda x: {"a": x * 2, "b": [x]}, x)
        with pytest.raises(tape.TapeError) as caught:
            pullback(cotangent(x))
        assert str(caught.value) == message

    def test_the_cotangent_of_a_lone_output_has_no_path(self, x: Tensor) -> None:
        _, pullback = vjp(torch.sin, x)
        with pytest.raises(tape.TapeError, match=r"^the cotangent is None; it must be a tensor of shape \(3,\)$"):
            pullback(None)


class TestNesting:
    def test_derivatives_of_derivatives(self) -> None:
        f: Callable[..., Any] = lambda x: x**5
        x = torch.tensor(2.0, dtype=torch.float64)
        for expected in (80.0, 160.0, 240.0, 240.0, 120.0, 0.0):
            f = grad(f)
            assert f(x) == expected

    @pytest.mark.parametrize(
        ("f", "expected"),
        [
            (lambda x: x * grad(lambda y: x * y)(x), 6.0),
            (lambda x: x * grad(lambda y: x + y)(torch.ones(())), 1.0),
            (lambda x: grad(lambda y: x * y * y)(x), 12.0),
            (lambda x: grad(lambda y: grad(lambda z: x * y * z)(y) * y)(x), 12.0),
            (lambda x: x * grad(lambda y: stop_gradient(x) * y)(x), 3.0),
            (lambda x: grad(lambda y: y * y)(stop_gradient(x)) * x, 6.0),
            (lambda x: grad(lambda y: (lambda z: z * y)(x))(x) * x, 6.0),
        ],
    )
    def test_levels_do_not_mix(self, f: Callable[..., Any], expected: float) -> None:
        assert grad(f)(torch.tensor(3.0)) == expected

    def test_a_pullback_within_a_function_is_differentiated(self) -> None:
        def f(x: Any, g: Any) -> Any:
            out, pullback = vjp(torch.sin, x)
            return out + pullback(g)[0]

        x, g = torch.tensor(0.3), torch.tensor(2.0)
        same(grad(f, (0, 1))(x, g), (torch.cos(x) - g * torch.sin(x), torch.cos(x)))

    def test_the_value_of_an_inner_level_is_differentiated(self) -> None:
        def f(x: Any) -> Any:
            (value, aux), gradient = value_and_grad(lambda y: (y**3, y * x), has_aux=True)(x)
            return value + aux + gradient

        assert grad(f)(torch.tensor(2.0)) == 12 + 4 + 12

    def test_an_unused_inner_argument_is_zero_and_constant(self) -> None:
        assert grad(lambda x: x * grad(lambda y: x * x)(x) + x)(torch.tensor(3.0)) == 1

    def test_a_level_over_a_pullback_that_was_made_outside(self, x: Tensor) -> None:
        _, pullback = vjp(lambda x: x**2, x)
        same(grad(lambda g: pullback(g)[0].sum())(x), 2 * x)

    def test_a_cotangent_of_an_outer_level_with_a_wrong_shape_is_refused(self, x: Tensor) -> None:
        _, pullback = vjp(lambda x: x**2, x)
        with pytest.raises(tape.TapeError, match=r"shape \(2,\)"):
            grad(lambda g: pullback(g[:2])[0].sum())(x)


class TestStopping:
    @pytest.mark.parametrize("stop", [stop_gradient, lambda x: x.detach(), torch.detach])
    def test_a_stopped_value_is_a_constant(self, stop: Callable[..., Any], x: Tensor) -> None:
        same(grad(lambda x: (x * stop(x)).sum())(x), x)

    def test_a_stopped_tensor_is_none_of_torchs_variables(self, x: Tensor) -> None:
        assert not stop_gradient(x.requires_grad_()).requires_grad

    def test_stop_gradient_takes_a_pytree(self, x: Tensor) -> None:
        def f(p: Any) -> Any:
            stopped = stop_gradient({"a": p["a"], "n": 2, "none": None})
            assert stopped["n"] == 2
            return (p["a"] * stopped["a"]).sum()

        same(grad(f)({"a": x}), {"a": x})

    @pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
    def test_a_guard_around_a_call_changes_nothing(self, guard: Any, x: Tensor) -> None:
        with guard():
            same(value_and_grad(cube)(x), (cube(x), 3 * x**2))
            same(grad(lambda x: grad(cube)(x).sum())(x), 6 * x)
            _, pullback = vjp(torch.sin, x)
            same(pullback(x), (x * torch.cos(x),))
        same(pullback(x.clone()), (x * torch.cos(x),))

    @pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
    def test_a_guard_inside_stops_gradients(self, guard: Any, x: Tensor) -> None:
        def f(x: Any) -> Any:
            with guard():
                constant = x * 2
            return (x * constant).sum()

        same(grad(f)(x), 2 * x)

    def test_a_guard_inside_stops_the_outer_level_of_a_transformation(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            with torch.no_grad():
                value, gradient = value_and_grad(cube)(x)
            return value + gradient.sum() + x.sum()

        same(grad(f)(x), torch.ones_like(x))

    def test_grad_mode_is_what_it_was_afterwards(self, x: Tensor) -> None:
        with torch.no_grad():
            grad(cube)(x)
            assert not torch.is_grad_enabled()
        grad(cube)(x)
        assert torch.is_grad_enabled()


class TestMemory:
    @pytest.mark.parametrize(
        "f",
        [
            lambda x, y: x,
            lambda x, y: (x, x, y),
            lambda x, y: x + y,
            lambda x, y: (x + y, x.reshape(-1), y.T),
            lambda x, y: x.sum(),
            lambda x, y: x[0].expand(3, 2),
            lambda x, y: (x.detach(), stop_gradient(y)),
            lambda x, y: [x.clone(), x.contiguous(), x.to(x.dtype)],
            lambda x, y: torch.cat([x, y]),
            lambda x, y: x * y,
            lambda x, y: torch.where(torch.tensor(True), x, y),
        ],
    )
    def test_results_share_memory_with_nothing(self, f: Callable[..., Any]) -> None:
        x, y = torch.rand(2, 2), torch.rand(2, 2)
        out, pullback, aux = vjp(lambda x, y: (f(x, y), f(x, y)), x, y, has_aux=True)
        cotangent = tape.tree.map(torch.rand_like, out)
        first, second = pullback(cotangent), pullback(cotangent)
        tensors = tape.tree.leaves([x, y, out, aux, cotangent, first, second])
        before = [tensor.clone() for tensor in tensors]
        for written, tensor in enumerate(tensors):
            tensor.fill_(-1)  # an expanded result would refuse this too
            for i in range(written + 1, len(tensors)):
                assert torch.equal(tensors[i], before[i]), (written, i)

    @pytest.mark.parametrize("reduced", [lambda x, y: (x + y).sum(), lambda x, y: x.sum() + y.mean()])
    def test_gradients_can_be_written_into(self, reduced: Callable[..., Any]) -> None:
        x, y = torch.rand(2, 2), torch.rand(2, 2)
        one, other = grad(reduced, (0, 1))(x, y)
        kept = other.clone()
        one[0, 0] = 7
        assert torch.equal(other, kept)
        assert (one == 7).sum() == 1

    def test_the_same_tensor_given_twice_has_two_gradients(self, x: Tensor) -> None:
        same(grad(lambda a, b: (a * a * b).sum(), (0, 1))(x, x), (2 * x * x, x * x))

    def test_nothing_given_is_changed(self, x: Tensor) -> None:
        params = {"x": x, "list": [x + 1]}
        kept = tape.tree.map(torch.clone, params)
        versions = [leaf._version for leaf in tape.tree.leaves(params)]
        _, pullback = vjp(lambda p: (p["x"] * p["list"][0]).relu().cumsum(0), params)
        g = torch.ones_like(x)
        pullback(g)
        pullback(g)
        same(params, kept)
        assert torch.equal(g, torch.ones_like(x))
        assert [leaf._version for leaf in [*tape.tree.leaves(params), g]] == [*versions, 0]

    @pytest.mark.parametrize("change", [lambda t: t.add_(1), lambda t: t[0].zero_(), lambda t: t.view(-1).mul_(2)])
    def test_a_residual_that_was_changed_in_place_is_noticed(self, change: Callable[..., Any], x: Tensor) -> None:
        _, pullback = vjp(lambda x: torch.sin(x), x)
        change(x)
        with pytest.raises(tape.TapeError, match=r"sin .* in place"):
            pullback(torch.ones_like(x))

    def test_an_index_that_was_changed_in_place_is_noticed(self, x: Tensor) -> None:
        places = torch.tensor([0, 1])
        for select in (lambda x: x[places], lambda x: x[(places,)], lambda x: x.index_select(0, places)):
            _, pullback = vjp(select, x)
            places.add_(1).sub_(1)
            with pytest.raises(tape.TapeError, match="in place"):
                pullback(x[:2])

    def test_a_change_of_what_no_rule_needs_does_no_harm(self, x: Tensor) -> None:
        _, pullback = vjp(lambda x: x + 1, x)
        x.zero_()
        same(pullback(torch.ones_like(x)), (torch.ones_like(x),))

    def test_writing_into_the_output_does_no_harm(self, x: Tensor) -> None:
        out, pullback = vjp(torch.exp, x)
        expected = out.clone()
        out.zero_()
        same(pullback(torch.ones_like(x)), (expected,))

    @pytest.mark.parametrize("run", ["grad", "keep=False"])
    def test_residuals_are_freed_in_the_sweep(self, run: str) -> None:
        alive: list[weakref.ref[Tensor]] = []
        seen: list[int] = []

        @tape.primitive
        def watched(x: Any) -> Any:
            residual = torch.sin(x)
            alive.append(weakref.ref(residual))
            return residual

        def rule(g: Any, ans: Any) -> Any:
            seen.append(sum(ref() is not None for ref in alive))
            return g * ans

        watched.defvjp(x=rule)

        def f(x: Any) -> Any:
            for _ in range(20):
                x = watched(x)
            return x.sum()

        gc.collect()
        gc.disable()
        try:
            x = torch.rand(3)
            if run == "grad":
                grad(f)(x)
            else:
                out, pullback = vjp(f, x, keep=False)
                pullback(torch.ones_like(out))
        finally:
            gc.enable()
        assert seen[0] == 20
        assert all(later <= earlier for earlier, later in pairwise(seen))
        assert seen[-1] <= 3
        assert not any(ref() is not None for ref in alive)

    def test_cotangents_are_freed_in_the_sweep(self) -> None:
        alive: list[weakref.ref[Tensor]] = []
        most = 0

        @tape.primitive
        def step(x: Any) -> Any:
            return x + 1

        def rule(g: Any) -> Any:
            nonlocal most
            cotangent = g * 2
            alive.append(weakref.ref(cotangent))
            most = max(most, sum(ref() is not None for ref in alive))
            return cotangent

        step.defvjp(x=rule)

        def f(x: Any) -> Any:
            for _ in range(20):
                x = step(x)
            return x

        _, pullback = vjp(f, torch.ones(3))
        pullback(torch.ones(3))
        assert len(alive) == 20
        assert most <= 3

    def test_a_chain_of_ten_thousand_operations(self) -> None:
        def f(x: Any) -> Any:
            for _ in range(10_000):
                x = x * 1.0001
            return x

        x = torch.tensor(1.0, dtype=torch.float64)
        torch.testing.assert_close(grad(f)(x), torch.tensor(1.0001**10_000, dtype=torch.float64))


class TestAfterTrouble:
    def test_a_traced_value_that_outlives_its_level_raises(self, x: Tensor) -> None:
        kept: list[Any] = []
        grad(lambda x: (kept.append(x), x.sum())[1])(x)
        for use in (
            lambda: kept[0] + 1,
            lambda: torch.sin(kept[0]),
            lambda: vjp(torch.sin, kept[0]),
            lambda: vjp(lambda x: kept[0], x),
            lambda: grad(lambda x: (x.sum(), kept[0]), has_aux=True)(x),
        ):
            with pytest.raises(tape.TapeError, match="has ended"):
                use()
        with pytest.raises(tape.TapeError, match="has ended"):
            grad(lambda y: (y * kept[0]).sum())(x)

    def test_a_value_that_something_stands_in_for_has_not_ended(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            with standing_in({x.tape: lambda x: x.value}):
                out, _ = vjp(lambda y: x, y)
            return (out * x).sum()

        y = x + 1
        same(grad(f)(x), 2 * x)

    def test_an_exception_leaves_the_engine_usable(self, x: Tensor) -> None:
        kept: list[Any] = []

        def failing(x: Any) -> Any:
            kept.append(x * 2)
            raise KeyError("mine")

        for nested in (failing, lambda x: grad(failing)(x).sum()):
            with pytest.raises(KeyError, match="mine"):
                grad(nested)(x)
        with pytest.raises(tape.TapeError, match="has ended"):
            kept[0] * 2
        assert torch.is_grad_enabled()
        same(grad(cube)(x), 3 * x**2)

    def test_an_exception_in_a_rule_names_the_op_and_argument(self, x: Tensor) -> None:
        @tape.primitive
        def broken(x: Any) -> Any:
            return x * 1

        def rule(g: Any) -> Any:
            raise ZeroDivisionError("in my rule")

        broken.defvjp(x=rule)
        with pytest.raises(ZeroDivisionError) as caught:
            grad(lambda x: broken(x).sum())(x)
        assert any("broken" in note and "'x'" in note for note in caught.value.__notes__)
        same(grad(cube)(x), 3 * x**2)

    def test_threads_do_not_disturb_each_other(self) -> None:
        start = threading.Barrier(4)
        errors: list[BaseException] = []

        def work(seed: int) -> None:
            try:
                x = torch.rand(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
                start.wait()
                for _ in range(50):
                    same(grad(lambda x: (x * grad(lambda y: (x * y * y).sum())(x)).sum())(x), 6 * x**2)
                    assert list(grad(lambda p: (p["z"] * p["a"]).sum())({"z": x, "a": x})) == ["z", "a"]
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors

    def test_a_thread_may_use_a_traced_value_of_another(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            results: list[Any] = []
            thread = threading.Thread(target=lambda: results.append(grad(lambda y: (x * y * y).sum())(x).sum()))
            thread.start()
            thread.join()
            return results[0]

        same(grad(f)(x), 4 * x)


class TestVmap:
    @pytest.mark.parametrize(
        "f",
        [
            lambda x, w: (torch.sin(x) * torch.exp(w) / (1 + x**2)).sum(),
            lambda x, w: torch.sigmoid(x @ w @ x.mT).sum(),
            lambda x, w: (x[0] * w[:, 1]).sum() + (x[[0, 1, 0]] ** 2).sum() + x[..., :2].sum(),
            lambda x, w: torch.cat([x, w.T * 2, x * w]).square().sum(),
            lambda x, w: torch.stack([x, w]).std(),
            lambda x, w: x.max() * w.amax(0).sum() + (x.max(1).values * w.sort(0).values).sum(),
            lambda x, w: x.topk(2).values.sum() + x.median() * w.median(1).values.sum(),
            lambda x, w: torch.logsumexp(x * w, 0).sum() + x.cumsum(1).square().sum(),
            lambda x, w: torch.where(x > w, x * w, x - w).clamp(-0.5, 0.5).square().sum(),
            lambda x, w: torch.maximum(x, w).relu().sum() + x.abs().pow(w.abs()).sum(),
            lambda x, w: torch.nn.functional.pad(x, (1, 2, 0, 1)).roll(1, 0).square().mul(2).sum(),
            lambda x, w: x.repeat_interleave(2, 1).tile(2, 1).flip(0).tril().square().sum(),
            lambda x, w: torch.nn.functional.unfold(x[None, None], 2).square().sum(),
            lambda x, w: torch.nn.functional.fold(x.reshape(1, 1, 9), (3, 3), 1).square().sum(),
            lambda x, w: (tape.ops.patches.windows(x[None, :, :, None], kernel_size=(2, 2)) * w[0, 0]).square().sum(),
            lambda x, w: tape.ops.patches.add_windows(x.reshape(1, 1, 1, 3, 3, 1), size=(4, 4)).square().sum(),
            lambda x, w: torch.gather(x, 1, torch.tensor([[0, 1], [2, 2], [1, 0]])).square().sum() + w.sum(),
            lambda x, w: torch.index_put(x, (torch.tensor([0]),), w[1]).square().sum(),
            lambda x, w: torch.index_add(x, 0, torch.tensor([0, 0, 2]), w).square().sum(),
            lambda x, w: grad(lambda y: (y**3 * w).sum())(x).sum(),
        ],
    )
    def test_vmap_over_grad_gives_per_sample_gradients(self, f: Callable[..., Any]) -> None:
        xs = torch.rand(4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 0.5
        w = torch.rand(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        for transformation in (grad(f, (0, 1)), value_and_grad(f, (0, 1))):
            expected = [transformation(x, w) for x in xs]
            same(
                vmap(transformation, in_dims=(0, None))(xs, w),
                tape.tree.map(lambda *samples: torch.stack(samples), *expected),
            )

    def test_vmap_over_a_pullback(self, x: Tensor) -> None:
        _, pullback = vjp(lambda x: x.cumsum(0) * x, x)
        jacobian = vmap(lambda g: pullback(g)[0])(torch.eye(3, dtype=x.dtype))
        expected = torch.autograd.functional.jacobian(lambda x: x.cumsum(0) * x, x)
        same(jacobian, expected)


class TestPrecision:
    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
    def test_gradients_have_the_arguments_dtype(self, dtype: torch.dtype) -> None:
        x = torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=dtype)

        def f(x: Any) -> Any:
            smooth = torch.sigmoid(x @ x) + torch.exp(-x * x)
            return (smooth.max(1).values.sum() + torch.relu(x).mean() + (x**2).sum() / 2 + x.std()).float()

        value, gradient = value_and_grad(f)(x)
        assert value.dtype == torch.float32
        assert gradient.dtype == dtype
        reference = grad(lambda x: f(x))(x.double())
        tolerance = {torch.float64: 1e-6, torch.float32: 1e-5, torch.bfloat16: 0.05, torch.float16: 0.01}[dtype]
        torch.testing.assert_close(gradient.double(), reference, rtol=tolerance, atol=tolerance)

    @pytest.mark.parametrize(
        "f",
        [
            torch.add,
            torch.sub,
            torch.mul,
            torch.div,
            torch.maximum,
            torch.atan2,
            lambda x, y: torch.pow(x, y),
            lambda x, y: torch.remainder(x, y),
            lambda x, y: torch.where(x > y, x, y),
            lambda x, y: torch.lerp(x.to(y.dtype), y, 0.25),
        ],
    )
    @pytest.mark.parametrize(
        ("left", "right"),
        [((), ()), ((), (2, 3)), ((2, 3), ()), ((2, 1), (3,)), ((1,), (2, 3)), ((0, 1), (3,)), ((2, 3), (1, 3))],
    )
    @pytest.mark.parametrize(
        ("x_dtype", "y_dtype"),
        [
            (torch.float64, torch.float64),
            (torch.float32, torch.float64),
            (torch.float64, torch.float32),
            (torch.bfloat16, torch.float32),
        ],
    )
    def test_broadcasting_and_promotion_are_undone(
        self,
        f: Callable[..., Any],
        left: tuple[int, ...],
        right: tuple[int, ...],
        x_dtype: torch.dtype,
        y_dtype: torch.dtype,
    ) -> None:
        x = (torch.rand(left, generator=torch.Generator().manual_seed(0)) + 0.5).to(x_dtype)
        y = (torch.rand(right, generator=torch.Generator().manual_seed(1)) + 0.7).to(y_dtype)
        out, pullback = vjp(f, x, y)
        g = torch.rand(out.shape, generator=torch.Generator().manual_seed(2)).to(out.dtype)
        required = [x.clone().requires_grad_(), y.clone().requires_grad_()]
        expected_out = f(*required)
        expected = torch.autograd.grad(expected_out, required, g)
        torch.testing.assert_close(out, expected_out.detach())
        for actual, wanted in zip(pullback(g), expected, strict=True):
            assert actual.dtype == wanted.dtype
            tolerance = 0.05 if torch.bfloat16 in (x_dtype, y_dtype) else 1e-4
            torch.testing.assert_close(actual, wanted, rtol=tolerance, atol=tolerance)
