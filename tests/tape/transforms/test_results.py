"""What a differentiated function may return, and that results are plain tensors."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
from tape import grad, value_and_grad, vjp
from tests.tape.transforms.comparison import same


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
def test_a_result_without_a_gradient_is_refused(result: Callable[..., Any], described: str, x: Tensor) -> None:
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
def test_constant_functions_have_zero_gradients(constant: Callable[..., Any], x: Tensor) -> None:
    single = torch.ones(2, dtype=torch.float32)
    value, grads = value_and_grad(constant, (0, 1))(x, {"unused": single})
    same(torch.as_tensor(value), torch.as_tensor(constant(x, single)))
    same(grads, (torch.zeros_like(x), {"unused": torch.zeros_like(single)}))


def test_what_is_no_floating_point_tensor_takes_no_cotangent(x: Tensor) -> None:
    out, pullback = vjp(lambda x: {"values": tuple(x.sort()), "most": x.argmax(), "n": 3, "name": "f"}, x)
    assert (out["most"], out["n"], out["name"]) == (2, 3, "f")
    cotangent = {"values": (x, None), "most": None, "n": None, "name": None}
    same(pullback(cotangent), (x,))
    with pytest.raises(tape.TapeError, match=r"output most .* must be None"):
        pullback({**cotangent, "most": torch.tensor(1)})


def test_the_sweep_begins_on_the_device_of_the_result() -> None:
    devices: list[str] = []

    @tape.primitive
    def last(x: Any) -> Any:
        return x * 1

    last.defvjp(x=lambda g: (devices.append(g.device.type), g)[1])
    grad(lambda x: last(x))(torch.ones((), device="meta"))
    assert devices == ["meta"]


def test_results_do_not_require_grad(x: Tensor) -> None:
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


def test_inputs_that_require_grad_are_seen_as_plain_values(x: Tensor) -> None:
    seen = []
    grad(lambda p: (seen.append(p.requires_grad), p.sum())[1])(x.requires_grad_())
    assert seen == [False]
