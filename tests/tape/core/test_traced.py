"""Traced values: what they let a function do, and what they refuse and why.

That every spelling of an op agrees with torch is in ops/spelling.
"""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import tape
from tape import grad, vjp
from tape.core.refusals import function_name


@pytest.fixture
def x() -> Tensor:
    return torch.tensor([[1.0, -2.0], [0.5, 4.0]], dtype=torch.float64)


def refusal(f: Callable[[Any], Any], x: Tensor, error: type[Exception] = tape.TapeError) -> str:
    with pytest.raises(error) as caught:
        vjp(f, x)
    message = str(caught.value)
    assert "Traced" not in message
    return message


def statement(code: str) -> Callable[[Any], Any]:
    """A function of `x` that runs a statement."""
    plain = torch.zeros(2, 2, dtype=torch.float64)
    return lambda x: exec(code, {"x": x, "plain": plain, "torch": torch, "np": np})


class TestBehavesLikeATensor:
    def test_control_flow_on_values(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            total = x.new_zeros(())
            for row in x:
                first, second = row
                if first > second and bool(first > 0):
                    total = total + first * second
                elif second.item() > 3:
                    total = total + second**2
            while total < 20.0:
                total = total * 2
            return total

        torch.testing.assert_close(grad(f)(x), 2 * torch.tensor([[-2.0, 1.0], [0.0, 8.0]], dtype=x.dtype))

    def test_unpacking_iteration_and_length(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            (a, b), *rest = x
            assert len(x) == 2
            assert [tuple(row.shape) for row in x] == [(2,), (2,)]
            return a * b + sum(row.sum() for row in rest) + max(*x[0]) + sorted(x.flatten(), key=lambda v: v.item())[0]

        torch.testing.assert_close(grad(f)(x), torch.tensor([[-2.0 + 1, 1 + 1], [1.0, 1.0]], dtype=x.dtype))

    def test_python_sum_and_containers(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            parts = {"rows": list(x), x: "hashable"}
            return sum(parts["rows"]).sum()

        torch.testing.assert_close(grad(f)(x), torch.ones_like(x))

    def test_a_0d_value_is_no_sequence(self, x: Tensor) -> None:
        for use in (list, len, lambda s: (lambda a: a)(*s)):
            with pytest.raises(TypeError, match="0-d"):
                grad(lambda x, use=use: use(x.sum()))(x)

    def test_an_ambiguous_truth_value_is_refused_as_by_torch(self, x: Tensor) -> None:
        with pytest.raises(RuntimeError, match="ambiguous"):
            grad(lambda x: x.sum() if x > 0 else x)(x)

    def test_it_prints_its_numbers(self, x: Tensor) -> None:
        shown: list[str] = []
        grad(lambda x: grad(lambda y: (shown.extend([repr(y), f"{y.sum():.2f}"]), y.sum())[1])(x).sum())(x)
        assert "4.0" in shown[0]
        assert shown[1] == "3.50"

    def test_modules_of_torch_run_on_it(self, x: Tensor) -> None:
        generator = torch.Generator().manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)).double()
        for parameter in module.parameters():
            torch.nn.init.uniform_(parameter, -1, 1, generator=generator)
        required = x.clone().requires_grad_()
        (expected,) = torch.autograd.grad(module(required).sum(), required)
        gradient = grad(lambda x: module(x).sum())(x)
        torch.testing.assert_close(gradient, expected)
        assert all(parameter.grad is None for parameter in module.parameters())


class TestRefusals:
    @pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "**", "@", "&", "|", "^", "<<", ">>"])
    def test_augmented_assignment_says_what_to_write(self, operator: str, x: Tensor) -> None:
        assert f"x = x {operator} y" in refusal(statement(f"x {operator}= 2"), x)

    @pytest.mark.parametrize(
        ("code", "named", "instead"),
        [
            ("x[0] = 1.0", "x[...] = v", "torch.where"),
            ("x[0, 1] = x[1, 0]", "x[...] = v", "torch.index_put"),
            ("x.add_(1)", "Tensor.add_", "x = x.add("),
            ("x.sum(0).clamp_(min=0)", "Tensor.clamp_", "x = x.clamp("),
            ("x.zero_()", "Tensor.zero_", "a new tensor"),
            ("x.copy_(plain)", "Tensor.copy_", "a new tensor"),
            ("x.requires_grad_()", "Tensor.requires_grad_", "a new tensor"),
            ("plain[0] = x[0]", "assigning", "torch.cat"),
            ("plain[:, 0] = x.sum()", "assigning", "torch.where"),
            ("plain.add_(x)", "Tensor.add_", "without the underscore"),
            ("plain.copy_(x)", "Tensor.copy_", "without the underscore"),
            ("plain += x", "Tensor.add_", "without the underscore"),
            ("plain *= x", "Tensor.mul_", "without the underscore"),
            ("torch.relu_(x)", "torch.relu_", "without the underscore"),
            ("torch.add(x, x, out=plain)", "add(..., out=)", "y = add("),
            ("torch.sin(plain, out=x)", "sin(..., out=)", "y = sin("),
            ("torch.mean(x, dim=0, out=plain[0])", "mean(..., out=)", "y = mean("),
        ],
    )
    def test_writing_in_place_says_what_to_write(self, code: str, named: str, instead: str, x: Tensor) -> None:
        message = refusal(statement(code), x)
        assert named in message
        assert instead in message
        assert "in place" in message

    @pytest.mark.parametrize("code", ["np.asarray(x)", "np.sin(x)", "x.numpy()", "np.ones((2, 2)) * x", "np.add(x, 1)"])
    def test_numpy_is_refused(self, code: str, x: Tensor) -> None:
        assert "stop_gradient" in refusal(statement(code), x)

    def test_numpy_of_a_stopped_value_works(self, x: Tensor) -> None:
        def f(x: Any) -> Any:
            constant = torch.from_numpy(np.sin(tape.stop_gradient(x).numpy()))
            return (x * constant).sum()

        torch.testing.assert_close(grad(f)(x), torch.sin(x))

    @pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickle.dumps, lambda x: copy.deepcopy([x])])
    def test_copying_behind_the_tapes_back_is_refused(self, copying: Callable[..., Any], x: Tensor) -> None:
        assert "x.clone()" in refusal(copying, x)

    @pytest.mark.parametrize(
        ("code", "named"),
        [
            ("torch.special.zeta(x, 2.0)", "torch.special.zeta"),
            ("torch.angle(x)", "torch.angle"),
            ("x.angle()", "Tensor.angle"),
            ("torch.fft.fft(x)", "torch.fft.fft"),
            ("torch.linalg.svd(x)", "torch.linalg.svd"),
            ("torch.nn.functional.grid_sample(x, x)", "torch.nn.functional.grid_sample"),
            ("x & x", "Tensor.__and__"),
            ("True | x", "Tensor.__ror__"),
            ("1 << x", "Tensor.__rlshift__"),
            ("~x", "Tensor.__invert__"),
        ],
    )
    def test_an_op_without_a_rule_is_named_with_how_to_add_one(self, code: str, named: str, x: Tensor) -> None:
        message = refusal(statement(code), x)
        assert message.startswith(named + " has no derivative rule")
        assert "@tape.implements" in message
        assert "@tape.primitive" in message

    @pytest.mark.parametrize("attribute", ["names", "nonsense", "nonsense_", "__nonsense__", "__dlpack__"])
    def test_an_unknown_attribute_is_an_attribute_error(self, attribute: str, x: Tensor) -> None:
        message = refusal(lambda x: getattr(x, attribute), x, AttributeError)
        assert message == f"a traced value has no attribute {attribute!r}"
        vjp(lambda x: [hasattr(x, attribute), x][1], x)

    @pytest.mark.parametrize(
        ("code", "named"),
        [
            ("x.sum(foo=1)", "sum does not support foo=1"),
            ("torch.nn.functional.relu(x, inplace=True)", "relu(..., inplace=True) changes a tensor in place"),
            ("x.float(memory_format=torch.contiguous_format)", "memory_format"),
            ("x.clone(foo=x)", "clone does not support the keyword foo"),
            ("x.clone(foo=[x])", "clone does not support the keyword foo"),
        ],
    )
    def test_an_unknown_keyword_is_refused_and_named(self, code: str, named: str, x: Tensor) -> None:
        assert named in refusal(statement(code), x)

    @pytest.mark.parametrize(
        "code", ["x * 1j", "x + torch.ones(2, 2, dtype=torch.complex64)", "x.to(torch.complex128)"]
    )
    def test_complex_numbers_are_refused(self, code: str, x: Tensor) -> None:
        assert "complex" in refusal(statement(code), x)


class TestImplements:
    @pytest.fixture
    def registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a test registers is forgotten after it."""
        monkeypatch.setattr(tape.core.traced.Traced, "functions", dict(tape.core.traced.Traced.functions))
        monkeypatch.setattr(tape.core.traced.Traced, "erfc", None, raising=False)

    @pytest.mark.usefixtures("registered")
    def test_a_composite_stands_in_for_functions_and_methods(self, x: Tensor) -> None:
        @tape.implements(torch.erfc, Tensor.erfc)
        def erfc(x: Any) -> Any:
            return 1 - torch.erf(x)

        expected = grad(lambda x: -torch.erf(x).sum())(x)
        for spelled in (lambda x: torch.erfc(x), lambda x: x.erfc(), lambda x: torch.erfc(input=x)):
            torch.testing.assert_close(grad(lambda x, s=spelled: s(x).sum())(x), expected)
        assert type(erfc(x)) is Tensor

    @pytest.mark.usefixtures("registered")
    def test_a_primitive_stands_in_for_a_function(self, x: Tensor) -> None:
        @tape.implements(torch.special.xlogy)
        @tape.primitive
        def xlogy(x: Any, y: Any) -> Any:
            return torch.special.xlogy(x, y)

        xlogy.defvjp(x=lambda g, y: g * torch.log(y), y=lambda g, x, y: g * x / y)
        y = x.abs()
        required = [x.clone().requires_grad_(), y.clone().requires_grad_()]
        expected = torch.autograd.grad(torch.special.xlogy(*required).sum(), required)
        for spelled in (torch.special.xlogy, lambda x, y: torch.special.xlogy(input=x, other=y)):
            torch.testing.assert_close(grad(lambda x, y, s=spelled: s(x, y).sum(), (0, 1))(x, y), expected)

    def test_a_function_is_named_as_it_is_written(self) -> None:
        assert function_name(torch.linalg.svd) == "torch.linalg.svd"
        assert function_name(Tensor.__getitem__) == "Tensor.__getitem__"
        assert function_name(Tensor.add_) == "Tensor.add_"
        assert function_name(torch.nn.functional.conv2d).endswith("conv2d")
