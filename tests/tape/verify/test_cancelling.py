"""Right derivatives that cancel, or of which rounding leaves little, are not accused; wrong ones are found."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import tape
from tape import verify


def uniform(*shape: int, times: float = 1.0) -> Callable[[torch.Generator], Tensor]:
    return lambda generator: times * torch.rand(shape, generator=generator, dtype=torch.float64)


def matrices(*leading: int) -> Callable[[torch.Generator], Tensor]:
    return lambda generator: uniform(*leading, 3, 3)(generator) + torch.eye(3, dtype=torch.float64)


def mixed(generator: torch.Generator) -> Tensor:
    return SCALES * (0.3 + 0.3 * torch.rand(3, generator=generator, dtype=torch.float64))


SCALES = torch.tensor([1e6, 1.0, 1e-6], dtype=torch.float64)
RIGHT: dict[str, tuple[Callable[..., Any], Callable[[torch.Generator], Tensor]]] = {
    "inverses in a batch": (torch.linalg.inv, matrices(2)),
    "a solution that is constant": (lambda x: torch.linalg.solve(x, x[:, :1]), matrices()),
    "a matrix by its inverse": (lambda x: torch.linalg.inv(x) @ x, matrices()),
    "probabilities that sum to 1": (lambda x: torch.softmax(x, 0).sum(), uniform(3)),
    "sin and cos squared": (lambda x: torch.sin(x) ** 2 + torch.cos(x) ** 2, uniform(3)),
    "a normalized mean": (lambda x: functional.layer_norm(x, (4,)).sum(), uniform(2, 4)),
    "a normalized norm": (lambda x: functional.normalize(x, dim=-1).norm(), uniform(2, 4)),
    "log of exp": (lambda x: torch.log(torch.exp(x)) - x, uniform(3)),
    "probabilities near 0": (lambda x: torch.softmax(x, 0), uniform(3, times=1e3)),
    "rounding inside": (lambda x: torch.sin(x) + 1e9 - 1e9, uniform(3)),
    "entries of other scales": (lambda x: torch.sin(x / SCALES.to(x.dtype)), mixed),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_derivative_is_not_accused(name: str, seed: int) -> None:
    f, example = RIGHT[name]
    x = example(torch.Generator().manual_seed(seed))
    report = verify.check(f, x, seed=seed, examples=3, skip={"memory": "not of interest"})
    assert report.examples["vjp"] > 1
    assert report.examples["second order"] > 1
    assert report.kinks == []


def with_rule(f: Callable[[Any], Any], rule: Callable[..., Any]) -> Any:
    op = tape.primitive(lambda x: f(x))
    op.defvjp(x=rule)
    return op


def _inverse_rule(g: Any, ans: Any) -> Any:
    return -(ans.mT @ g @ ans.mT)


WRONG: dict[str, tuple[Callable[..., Any], Callable[[torch.Generator], Tensor]]] = {
    "inverses that mix": (
        with_rule(torch.linalg.inv, lambda g, ans: _inverse_rule(g, ans) + 1e-9 * g.sum()),
        matrices(2),
    ),
    "an inverse by its matrix": (
        lambda x: with_rule(torch.linalg.inv, lambda g, ans: 1.0001 * _inverse_rule(g, ans))(x) @ x,
        matrices(),
    ),
    "probabilities": (with_rule(lambda x: torch.softmax(x, 0).sum(), lambda g, x: 1e-9 * g * x), uniform(3)),
    "sin and cos squared": (
        lambda x: with_rule(torch.sin, lambda g, x: 1.0001 * g * torch.cos(x))(x) ** 2 + torch.cos(x) ** 2,
        uniform(3),
    ),
    "log of exp": (
        lambda x: torch.log(with_rule(torch.exp, lambda g, ans: g * ans * (1 + 1e-8))(x)) - x,
        uniform(3),
    ),
    "rounding inside": (
        lambda x: with_rule(torch.sin, lambda g, x: 1.01 * g * torch.cos(x))(x) + 1e9 - 1e9,
        uniform(3),
    ),
    "entries of other scales": (
        lambda x: with_rule(torch.sin, lambda g, x: 1.0001 * g * torch.cos(x))(x / SCALES.to(x.dtype)),
        mixed,
    ),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_beside_it_is_found(name: str, seed: int) -> None:
    f, example = WRONG[name]
    x = example(torch.Generator().manual_seed(seed))
    with pytest.raises(verify.VerificationError, match="'vjp'"):
        verify.check(f, x, seed=seed, examples=3, skip={"mutants": "one is under test"})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_rule_that_is_wrong_in_one_dtype_of_a_sum_that_cancels_is_found(dtype: torch.dtype) -> None:
    def rule(g: Any, x: Any) -> Any:
        return g * torch.cos(x) * (2.0 if x.dtype == dtype else 1.0)

    x = torch.tensor([0.6, 0.7, 0.8], dtype=torch.float64)
    with pytest.raises(verify.VerificationError, match="float32" if dtype == torch.float32 else "half precision"):
        verify.check(lambda x: with_rule(torch.sin, rule)(x) ** 2 + torch.cos(x) ** 2, x)
