"""Planted faults: each is reported, and under the name of the property that it breaks."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import verify
from tape.core.primitive import Primitive
from tape.core.traced import Traced

X = torch.tensor([[0.5, -1.0, 2.0], [1.5, -0.25, 0.75]], dtype=torch.float64)


def op(f: Callable[..., Any], **rules: Any) -> Primitive[..., Any]:
    primitive = tape.primitive(f)
    primitive.defvjp(**rules)
    return primitive


def sine(rule: Any) -> Primitive[..., Any]:
    return op(lambda x: torch.sin(x), x=rule)


def caught(name: str, f: Callable[..., Any], *args: Any, **options: Any) -> str:
    with pytest.raises(verify.VerificationError) as failure:
        verify.check(f, *args, **options)
    assert failure.value.property == name, failure.value
    return str(failure.value)


def other_vjp(change: Callable[..., Any]) -> Callable[..., Any]:
    """tape.vjp with its pullback's results changed."""

    def vjp(f: Callable[..., Any], *primals: Any, keep: bool = True) -> Any:
        out, pullback = tape.vjp(f, *primals, keep=keep)
        return out, lambda cotangent: change(pullback, cotangent, primals)

    return vjp


def test_a_correct_rule_passes() -> None:
    verify.check(sine(lambda g, x: g * torch.cos(x)), X)


# What torch's gradcheck was seen to pass.


def test_a_rule_that_is_not_linear_in_the_cotangent() -> None:
    skip = {"vjp": "only linearity is to notice"}
    for rule in (
        lambda g, x: torch.abs(g) * torch.cos(x),
        lambda g, x: torch.clamp(g, -5.0, 5.0) * torch.cos(x),
        lambda g, x: (g + 1e-6) * torch.cos(x),
    ):
        caught("linearity", sine(rule), X, skip=skip, order=1)


def test_a_rule_that_mutates_the_cotangent() -> None:
    def rule(g: Any, x: Any) -> Any:
        product = g * torch.cos(x)
        if type(g) is Tensor:
            g.zero_()
        return product

    caught("purity", sine(rule), X, order=1)


def test_a_rule_that_assumes_a_contiguous_cotangent() -> None:
    def by_view(g: Any, x: Any) -> Any:
        return (g.view(-1) if g.is_contiguous() else g.permute(1, 0).reshape(-1)).reshape(x.shape) * torch.cos(x)

    caught("cotangent layouts", sine(by_view), X, order=1)
    caught("cotangent layouts", sine(lambda g, x: torch.clone(g).view(g.shape) * torch.cos(x) * _strict(g)), X, order=1)


def _strict(g: Any) -> float:
    if not g.is_contiguous():
        raise RuntimeError("the cotangent is not contiguous")
    return 1.0


def test_a_gradient_that_is_wrong_on_empty_input() -> None:
    def total(x: Any, bias: Any) -> Any:
        return torch.sum(x, 0) + bias

    right = {"x": lambda g, x_like: g.expand(x_like.shape)}
    wrong = op(total, **right, bias=lambda g, x_like: g * float(x_like.shape[0] > 0))
    domain = verify.case(verify.real("n m"), verify.real("m"))
    assert "bias" in caught("shapes", wrong, domain=domain)
    verify.check(op(total, **right, bias=lambda g: g), domain=domain)


def test_a_gradient_that_is_wrong_only_in_float32() -> None:
    message = caught("float32", sine(lambda g, x: g * torch.cos(x) * (1.001 if x.dtype == torch.float32 else 1.0)), X)
    assert "float32" in message


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_gradient_that_is_wrong_only_in_half_precision(dtype: torch.dtype) -> None:
    message = caught("half precision", sine(lambda g, x: g * torch.cos(x) * (1.5 if x.dtype == dtype else 1.0)), X)
    assert f"the cotangent in {str(dtype)[6:]}" in message


def test_a_norm_that_overflows_in_half_precision() -> None:
    def scaled(x: Any) -> Any:
        return torch.sqrt(torch.sum(x * x))

    def norm(x: Any) -> Any:
        return scaled(x) if isinstance(x, Traced) else torch.linalg.vector_norm(x)

    assert "the value in float16" in caught("half precision", norm, 300 * X, order=1)


@pytest.mark.parametrize(
    ("f", "x", "said"),
    [
        (lambda x: ((x + 1e3) - 1e3) * x, X, "the function itself, unrecorded, is not accurate in "),
        (lambda x: x * 2, X.new_tensor([1e30, 2e38 * 1e10]), "its numbers are too large for "),
        (lambda x: torch.linalg.inv(x + 9 * torch.eye(2, dtype=x.dtype)), X[:, :2], "torch has no kernel for "),
    ],
)
def test_where_half_precision_asks_nothing_the_report_says_why(f: Any, x: Tensor, said: str) -> None:
    report = verify.check(f, x, order=1, skip={"vjp": "only half precision is asked", "float32": "too large"})
    assert (report.skipped["half precision"] or "").startswith(said)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: torch.softmax(10 * torch.softmax(x, 1), 1),
        lambda x: x / x.norm(),
        lambda x: torch.sin(1e3 * x),
        lambda x: torch.relu(x * x - x),
        lambda x: (x**4).sum() ** 0.25,
    ],
)
def test_half_precision_accuses_no_right_derivative(f: Any) -> None:
    skip = {"vjp": "only half precision is asked", "float32": "the same"}
    assert verify.check(f, X, order=1, skip=skip).examples["half precision"] > 0


def test_one_tensor_returned_for_two_inputs() -> None:
    def shared(pullback: Any, cotangent: Any, primals: Any) -> Any:
        first = pullback(cotangent)[0]
        return (first,) * len(primals)

    caught("purity", torch.add, X, X, vjp=other_vjp(shared), order=1)


def test_a_detached_residual() -> None:
    caught("second order", sine(lambda g, x: g * torch.cos(tape.stop_gradient(x))), X)


def test_one_entry_of_a_jacobian_wrong_by_a_tenth_in_a_hundred() -> None:
    matrix = torch.arange(100.0, dtype=torch.float64).reshape(10, 10) / 100
    wrong = matrix.clone()
    wrong[7, 3] += 0.1
    product = op(lambda x: matrix.to(x.dtype) @ x, x=lambda g: wrong.to(g.dtype).mT @ g)
    assert "entry 3" in caught("vjp", product, torch.linspace(0, 1, 10))


@pytest.mark.parametrize(("rows", "columns"), [(10, 100), (100, 10), (200, 200)])
def test_one_entry_of_a_jacobian_wrong_by_ten_in_a_thousand_or_more(rows: int, columns: int) -> None:
    matrix = torch.rand(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wrong = matrix.clone()
    wrong[7, 3] += 10
    product = op(lambda x: matrix.to(x.dtype) @ x, x=lambda g: wrong.to(g.dtype).mT @ g)
    caught("vjp", product, torch.linspace(0, 1, columns))


# One fault for each of the other properties.


def test_a_recorded_value_that_is_not_the_unrecorded_one() -> None:
    def f(x: Any) -> Any:
        return x * (1.0 if type(x) is Tensor else 1.5)

    caught("primal", f, X)


def test_a_cotangent_of_another_dtype_or_shape() -> None:
    narrow = other_vjp(lambda pullback, g, _: tuple(c.to(torch.float32) for c in pullback(g)))
    assert "torch.float32" in caught("conformity", torch.sin, X, vjp=narrow)
    caught("conformity", sine(lambda g, x: (g * torch.cos(x))[0]), X)


@pytest.mark.parametrize("factor", [-1.0, 1.00001])
def test_a_wrong_sign_and_a_wrong_scale(factor: float) -> None:
    caught("vjp", sine(lambda g, x: factor * g * torch.cos(x)), X)


def test_a_rule_that_assumes_contiguous_inputs() -> None:
    def rule(g: Any, x: Any) -> Any:
        return g * torch.cos(x if x.is_contiguous() else 2 * x)

    caught("input layouts", sine(rule), X)


def test_a_rule_that_mutates_its_residual() -> None:
    def rule(g: Any, x: Any) -> Any:
        product = g * torch.cos(x)
        if type(x) is Tensor:
            x.add_(1e-9)
        return product

    before = X.clone()
    caught("purity", sine(rule), X, order=1)
    assert X.equal(before)


def test_a_function_that_differs_from_run_to_run() -> None:
    noise = random.Random(0)
    noisy = sine(lambda g, x: g * torch.cos(x) * (1 + 1e-12 * noise.random()))
    caught("determinism", noisy, X, order=1)
    verify.check(noisy, X, deterministic=False, order=1)


def test_a_convention_that_does_not_hold() -> None:
    message = caught("conventions", torch.relu, X, kinks={0.0: 0.5})
    assert "0.5" in message


def test_an_integer_input_with_a_cotangent() -> None:
    def dense(pullback: Any, cotangent: Any, primals: Any) -> Any:
        return tuple(torch.zeros_like(x) if c is None else c for c, x in zip(pullback(cotangent), primals, strict=True))

    caught("integer inputs", lambda x, i: x[i], X, torch.tensor([0, 1, 1]), vjp=other_vjp(dense))


def test_residuals_that_are_kept() -> None:
    kept: list[Any] = []

    def hoarding(g: Any, x: Any) -> Any:
        kept.append(slope := torch.cos(x))
        return g * slope

    caught("memory", sine(hoarding), X)

    def keeping(f: Callable[..., Any], *primals: Any, keep: bool = True) -> Any:
        return tape.vjp(f, *primals)

    caught("memory", lambda x: torch.tanh(torch.exp(torch.sin(x))), X, vjp=keeping)


def test_a_bad_input_that_is_accepted_or_raises_another_error() -> None:
    refused = verify.refusal(ValueError, torch.zeros(3), match="two dimensions")
    caught("bad inputs", torch.sin, X, bad_inputs=[refused])

    def rows(x: Any) -> Any:
        if x.ndim != 2:
            raise ValueError("rows needs two dimensions")
        return torch.sin(x)

    assert verify.check(rows, X, bad_inputs=[refused]).examples["bad inputs"] == 1


def test_a_fault_that_would_not_be_noticed() -> None:
    unseen = op(lambda x, y: torch.sin(x) + 0 * y, x=lambda g, x: g * torch.cos(x), y=lambda g, y: 0 * g * y)
    message = caught("mutants", unseen, X, X)
    assert "the fault 'rule of y with y as a constant'" in message
    reasons = dict.fromkeys(["rule of y negated", "rule of y scaled", "rule of y with y as a constant"], "it is zero")
    verify.check(unseen, X, X, equivalents=reasons)
    with pytest.raises(ValueError, match="no such fault"):
        verify.check(unseen, X, X, equivalents=reasons | {"rule of z negated": "there is no z"})


def test_a_fault_declared_equivalent_that_is_noticed() -> None:
    right = sine(lambda g, x: g * torch.cos(x))
    assert "not caught" in caught("mutants", right, X, equivalents={"rule of x negated": "not so"})
