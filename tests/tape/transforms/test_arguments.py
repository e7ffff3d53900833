"""What may go into grad, value_and_grad and vjp, and what is refused at the door."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import tape
from tape import grad, value_and_grad, vjp
from tests.tape.transforms.comparison import same


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [(0, "y"), (1, "x"), (-1, "x"), ((1, 0), ("x", "y")), ([0], ("y",)), ((-2,), ("y",)), ((), ())],
)
def test_argnums_choose_positional_arguments(argnums: Any, expected: Any, x: Tensor) -> None:
    values = {"x": x, "y": x + 1}
    chosen = grad(lambda x, y: (x * y).sum(), argnums)(values["x"], values["y"])
    same(chosen, tape.tree.map(lambda name: values[name], expected))


@pytest.mark.parametrize(("argnums", "args"), [(1, 1), (-2, 1), ((0, 2), 2), (0, 0)])
def test_argnums_out_of_range_are_refused(argnums: Any, args: int, x: Tensor) -> None:
    with pytest.raises(ValueError, match=f"argnums .* called with {args} arguments"):
        grad(lambda *args: args[0].sum(), argnums)(*[x] * args)


def test_argnums_are_those_that_were_given_first(x: Tensor) -> None:
    argnums = [0]
    gradient = grad(lambda x, y: (x * y).sum(), argnums)
    argnums.append(1)
    same(gradient(x, x + 1), (x + 1,))


@pytest.mark.parametrize("argnums", [(0, 0), (0, -2)])
def test_an_argument_named_twice_is_refused(argnums: Any, x: Tensor) -> None:
    with pytest.raises(ValueError, match="twice"):
        grad(lambda x, y: (x * y).sum(), argnums)(x, x)


def test_other_arguments_and_keywords_pass_through_untouched(x: Tensor) -> None:
    marker, count = object(), torch.tensor(3)
    seen: list[Any] = []

    def f(x: Any, *others: Any, **options: Any) -> Any:
        seen.extend([*others, *options.values()])
        return x.sum()

    grad(f)(x, marker, 2, "name", count, weight=x, flag=None)
    for actual, expected in zip(seen, [marker, 2, "name", count, x, None], strict=True):
        assert actual is expected


def test_has_aux(x: Tensor) -> None:
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
def test_has_aux_wants_a_pair(result: Callable[..., Any], described: str, x: Tensor) -> None:
    for transformed in (lambda: grad(result, has_aux=True)(x), lambda: vjp(result, x, has_aux=True)):
        with pytest.raises(tape.TapeError, match=rf"a pair \(out, aux\), not {described}$"):
            transformed()


@pytest.mark.parametrize("number", [2, 2.0, 1j])
def test_a_python_number_has_no_gradient(number: Any, x: Tensor) -> None:
    with pytest.raises(TypeError, match=r"argument 1 at scale is the Python number .*torch\.tensor"):
        grad(lambda x, p: (x * p["scale"]).sum(), 1)(x, {"scale": number})
    with pytest.raises(TypeError, match="primal 0 is the Python number"):
        vjp(lambda x: x, number)


@dataclasses.dataclass
class Weights:
    w: Tensor


@pytest.mark.parametrize(
    ("argument", "instead"),
    [
        (np.ones(3), "numpy ndarray.*torch.as_tensor"),
        (np.float32(2.0), "numpy float32.*torch.as_tensor"),
        (Weights(torch.ones(3)), "dataclass Weights.*register_dataclass"),
        (nn.Linear(3, 3), "module, Linear.*tape.functional_call"),
        (nn.ParameterDict({"w": torch.ones(3)}), "module, ParameterDict.*tape.functional_call"),
        ({1.0}, "a set.*pytrees of tensors"),
        (object(), "a object.*pytrees of tensors"),
    ],
)
def test_what_may_hold_numbers_and_is_no_tensor_is_refused(argument: Any, instead: str, x: Tensor) -> None:
    for transformed in (grad, value_and_grad, tape.jacrev, tape.jacfwd, tape.hessian):
        with pytest.raises(tape.TapeError, match=f"argument 1 at w.*{instead}"):
            transformed(lambda x, p: x.sum(), 1)(x, {"w": argument, "x": x})
        with pytest.raises(TypeError, match=f"argument 0.*{instead}"):
            transformed(lambda p: x.sum())(argument)
    for run in (lambda: vjp(lambda p: x, argument), lambda: tape.jvp(lambda p: x, (argument,), (None,))):
        with pytest.raises(TypeError, match=f"primal 0.*{instead}"):
            run()


@pytest.mark.parametrize("argument", ["relu", True, torch.float32, {"name": "p"}])
def test_an_argument_without_any_tensor_has_no_gradient(argument: Any, x: Tensor) -> None:
    for transformed in (grad, value_and_grad, tape.jacrev, tape.jacfwd):
        with pytest.raises(TypeError, match=r"argument 0.*has no derivative.*outside argnums"):
            transformed(lambda p: x.sum())(argument)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_integers_and_booleans_have_no_gradient(dtype: torch.dtype, x: Tensor) -> None:
    whole = x.to(dtype)
    out, pullback = vjp(lambda x, p: x * p["whole"], x, {"whole": whole, "x": x})
    same(out, x * whole)
    same(pullback(x), (x * whole, {"whole": None, "x": torch.zeros_like(x)}))
    with pytest.raises(tape.TapeError, match=f"argument 1 at whole is a tensor of {dtype}"):
        grad(lambda x, p: (x * p["whole"]).sum(), 1)(x, {"whole": whole})


def test_what_holds_no_numbers_passes_through_as_a_primal(x: Tensor) -> None:
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
def test_unusual_tensors_are_refused_at_the_door(unusual: Callable[[], Tensor]) -> None:
    with pytest.raises(tape.TapeError, match=r"primal 0 at layers\.0 .* dense real tensors"):
        vjp(lambda p: p["layers"][0], {"layers": [unusual()]})
    with pytest.raises(tape.TapeError, match="argument 0"):
        grad(lambda x: x.sum())(unusual())


def test_a_complex_tensor_is_not_told_to_become_real() -> None:
    with pytest.raises(tape.TapeError, match="derivatives are of dense real tensors"):
        grad(lambda x: x.sum())(torch.ones(2, dtype=torch.complex64))
