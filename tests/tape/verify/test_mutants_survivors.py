"""Calls that mutants of the rules survived without: each is here because some mutant was noticed by nothing else."""

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import tape
from tape.core.registry import registry
from tape.verify.fuzz import compare


def numbers(*shape: int) -> Tensor:
    return torch.linspace(-1.3, 1.7, torch.Size(shape).numel(), dtype=torch.float64).reshape(shape).sin()


def values(*entries: float) -> Tensor:
    return torch.tensor(entries, dtype=torch.float64)


CALLS: dict[str, tuple[Callable[..., Any], list[Tensor]]] = {
    "a factor of 2 in add": (lambda x, y: torch.add(x, y, alpha=2), [numbers(3), numbers(3)]),
    "a factor of 2 in subtract": (lambda x, y: torch.sub(x, y, alpha=2), [numbers(3), numbers(3)]),
    "a factor in index_add": (
        lambda x, y: torch.index_add(x, 0, torch.tensor([1, 1]), y, alpha=-2.5),
        [numbers(3, 2), numbers(2, 2)],
    ),
    "negative dimensions of a sum": (lambda x: x.sum((-1, -2)) * x.sum((-2, -1)), [numbers(3, 2, 4)]),
    "negative dimensions of a maximum": (lambda x: torch.amax(x, (-1, -2)), [numbers(3, 2, 4)]),
    "a dimension of a 0-d sum": (lambda x: torch.sum(x * x, 0), [numbers()]),
    "a dimension of a 0-d maximum": (lambda x: torch.max(x * x, 0).values, [numbers()]),
    "one dimension of a flip": (lambda x: x.flip(0), [numbers(3, 2)]),
    "one dimension of a permutation": (lambda x: x.permute(0), [numbers(3)]),
    "an empty tensor in cat": (lambda x, y, z: torch.cat([x, y, z], 1), [numbers(2, 3), numbers(0), numbers(2, 1)]),
    "ties of maximum": (torch.maximum, [values(1, 2, 3), values(1, 3, 2)]),
    "ties of minimum": (torch.minimum, [values(1, 2, 3), values(1, 3, 2)]),
    "ties of amax": (lambda x: torch.amax(x * x, 0), [values(1, 2, -2, 2)]),
    "ties of median": (lambda x: torch.median(x * x), [values(1, 2, -2, 3, 2)]),
    "the edges of clamp": (lambda x: torch.clamp(x, -1, 2), [values(-1, -2, 0, 2, 3)]),
    "the lower edge of clamp": (lambda x: torch.clamp(x, min=-1), [values(-1, -2, 0)]),
    "the upper edge of clamp": (lambda x: torch.clamp(x, max=2), [values(2, 1, 3)]),
    "0 in leaky_relu": (lambda x: F.leaky_relu(x, 0.1), [values(0, 1, -1)]),
    "the threshold of softplus": (lambda x: F.softplus(x, 2.5, 1.0), [values(0.1, 0.39, 0.41, 0.7, 2.0)]),
    "powers of 0": (lambda x: x**0 + x**1 + x**2, [values(0, 1, -2)]),
    "crops and windows that overlap": (
        lambda x: F.unfold(F.pad(x, (1, -1, 2, 0)), (2, 3), stride=(2, 1)),
        [numbers(2, 2, 5, 4)],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_tape_agrees_with_torch_on(name: str) -> None:
    f, inputs = CALLS[name]
    compare(lambda *inputs: (f(*inputs),), inputs)


SHAPES = [(3,), (2, 3), (1, 3), (2, 2, 3), (1, 4, 3), (5, 1, 2, 3)]


@pytest.mark.parametrize("left", SHAPES)
@pytest.mark.parametrize("right", SHAPES)
def test_matrix_products_of_all_ranks(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    x, y = numbers(*left), numbers(*right)
    y = y if y.ndim == 1 else y.mT.contiguous()
    try:
        torch.matmul(x, y)
    except RuntimeError:
        pytest.skip("torch refuses these shapes")
    compare(lambda x, y: (torch.matmul(x, y),), [x, y])


@pytest.mark.parametrize(
    ("op", "arguments"),
    [
        ("index_select", (0, torch.tensor([1, 0], device="meta"))),
        ("gather", (0, torch.zeros((2, 2), dtype=torch.int64, device="meta"))),
        ("sort", (0,)),
        ("topk", (1,)),
        ("max_along", (0,)),
    ],
)
def test_cotangents_stay_on_the_device(op: str, arguments: tuple[Any, ...]) -> None:
    """On a device without numbers, so that no accelerator is needed."""
    primitive, _ = registry[op]
    out, pullback = tape.vjp(lambda x: primitive(x, *arguments), torch.zeros(3, 2, device="meta"))
    cotangent = pullback(tape.tree.map(lambda y: torch.ones_like(y) if y.is_floating_point() else None, out))[0]
    assert cotangent.device.type == "meta"
    assert cotangent.shape == (3, 2)


def test_cotangents_of_joined_tensors_have_their_dtypes() -> None:
    x, y = torch.ones(2, dtype=torch.float32), torch.ones(2, dtype=torch.float64)
    gradients = tape.grad(lambda x, y: (torch.cat([x, y]) ** 2).sum(), (0, 1))(x, y)
    assert [g.dtype for g in gradients] == [torch.float32, torch.float64]


def test_a_maximum_in_half_precision_has_a_cotangent_in_half_precision() -> None:
    x = torch.tensor([1.0, 2.0], dtype=torch.float16)
    gradient = tape.grad(lambda x: torch.maximum(x, x.flip((0,))).sum())(x)
    assert gradient.equal(torch.tensor([0.0, 2.0], dtype=torch.float16))


def test_a_step_none_of_whose_outputs_is_used_is_not_swept() -> None:
    @tape.primitive
    def halves(x: Any) -> Any:
        return x[:1] * 1, x[1:] * 1

    def rule(g: Any) -> Any:
        raise AssertionError("nobody asked")

    halves.defvjp(x=rule)
    assert tape.grad(lambda x: (halves(x), x.sum())[1])(torch.ones(2)).equal(torch.ones(2))


def test_softplus_is_not_yet_linear_at_its_threshold() -> None:
    gradient = tape.grad(lambda x: F.softplus(x, 2.5, 1.0))(values(0.4)[0])
    assert gradient == torch.sigmoid(values(1.0)[0])


@pytest.mark.parametrize("base", [0.0, torch.tensor(0.0, dtype=torch.float64)])
def test_exponents_at_a_base_of_0_in_both_orders(base: Any) -> None:
    """The first order is torch's, and so is the second where torch's is a number."""
    gradient = tape.grad(lambda e: (base**e).sum())
    assert gradient(values(0, 0.5, 1, -1)).tolist() == [0, 0, 0, -torch.inf]
    assert tape.grad(lambda e: gradient(e).sum())(values(0, 0.5, 1, -1)).tolist() == [0, 0, 0, torch.inf]


def test_bases_at_an_exponent_of_0_in_both_orders() -> None:
    gradient = tape.grad(lambda x: (x ** values(0, 0, 0)).sum())
    assert gradient(values(0, 0.5, 2)).tolist() == [0, 0, 0]
    assert tape.grad(lambda x: gradient(x).sum())(values(0, 0.5, 2)).tolist() == [0, 0, 0]


def test_the_sweep_lets_go_of_the_cotangents_of_several_outputs() -> None:
    alive: list[Any] = []

    @tape.primitive
    def first(x: Any) -> Any:
        return x * 1

    @tape.primitive
    def halves(x: Any) -> Any:
        return x[:1] * 1, x[1:] * 1

    @tape.primitive
    def last(x: Any) -> Any:
        return x * 1

    def fresh(g: Any) -> Any:
        cotangent = g * 2
        alive.append(weakref.ref(cotangent))
        return cotangent

    def look(g: Any) -> Any:
        alive.append(alive[0]())
        return g

    first.defvjp(x=look)
    halves.defvjp(x=lambda g: torch.cat(g))
    last.defvjp(x=fresh)

    def f(x: Any) -> Any:
        left, right = halves(first(x))
        return last(left).sum() + right.sum()

    tape.grad(f)(torch.ones(2))
    assert alive[1] is None


def test_broadcasting_and_promotion_are_undone_where_one_of_several_outputs_explains_them() -> None:
    @tape.primitive
    def both(x: Any) -> Any:
        return x * torch.ones(2, 3, dtype=torch.float64), x * 1

    types: list[type] = []

    def rule(g: Any) -> Any:
        types.append(type(g))
        return g[0] + g[1]

    both.defvjp(x=rule)
    gradient = tape.grad(lambda x: both(x)[0].sum())(torch.ones(3))
    assert gradient.equal(torch.full((3,), 2.0))
    assert types == [tuple]


@pytest.mark.parametrize(
    ("argument", "cotangent", "output"),
    [
        ((3, 2), (2,), (2,)),
        ((1, 1), (2, 3), (2, 5)),
        ((2,), (3,), (3,)),
        ((2,), (4, 3), (4, 3)),
        ((1, 2), (4, 3), (4, 3)),
        ((2,), (4, 2), (5, 2)),
    ],
)
def test_a_shape_that_broadcasting_does_not_explain_is_refused(
    argument: tuple[int, ...], cotangent: tuple[int, ...], output: tuple[int, ...]
) -> None:
    @tape.primitive
    def other(x: Any) -> Any:
        return torch.ones(output)

    other.defvjp(x=lambda g: torch.ones(cotangent))
    with pytest.raises(tape.TapeError) as caught:
        tape.grad(lambda x: other(x).sum())(torch.ones(argument))
    assert f"a cotangent of shape {cotangent} " in str(caught.value)
    assert f"the argument has shape {argument} " in str(caught.value)


def test_zeros_are_on_the_device_of_the_unused_input() -> None:
    x = torch.ones(2, device="meta")
    _, pullback = tape.vjp(lambda x, y: x * 2, x, x)
    assert [cotangent.device.type for cotangent in pullback(x)] == ["meta", "meta"]


def test_a_rule_that_returns_nothing_is_told_so() -> None:
    @tape.primitive
    def forgotten(x: Any) -> Any:
        return x * 1

    forgotten.defvjp(x=lambda g: None)
    with pytest.raises(tape.TapeError, match="returned None where"):
        tape.grad(lambda x: forgotten(x).sum())(torch.ones(2))


def test_zeros_beside_a_used_output_are_on_its_device() -> None:
    devices: list[str] = []

    @tape.primitive
    def halves(x: Any) -> Any:
        return x[:1] * 1, x[1:] * 1

    def rule(g: Any) -> Any:
        devices.extend(part.device.type for part in g)
        return torch.ones(2, device="meta")

    halves.defvjp(x=rule)
    x = torch.ones(2, device="meta")
    _, pullback = tape.vjp(lambda x: halves(x)[0], x)
    pullback(x[:1])
    assert devices == ["meta", "meta"]
