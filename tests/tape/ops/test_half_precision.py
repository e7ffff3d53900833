"""Norms, normalisations and attention in half precision, beside float64 and torch in the same dtype."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import tape

HALF = [torch.float16, torch.bfloat16]
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "vector_norm": lambda x: torch.linalg.vector_norm(x, dim=-1),
    "vector_norm of order 3": lambda x: torch.linalg.vector_norm(x, 3, dim=-1),
    "matrix_norm": torch.linalg.matrix_norm,
    "matrix_norm of rows": lambda x: torch.linalg.matrix_norm(x, math.inf),
    "normalize": F.normalize,
    "cosine_similarity": lambda x: F.cosine_similarity(x, x.flip(0)),
    "cosine_embedding_loss": lambda x: F.cosine_embedding_loss(x, x.flip(0), torch.tensor([1.0, -1.0, 1.0])),
    "pairwise_distance": lambda x: F.pairwise_distance(x, x.flip(0)),
    "triplet_margin_loss": lambda x: F.triplet_margin_loss(x, x.flip(0), x.flip(1)),
    "std": lambda x: torch.std(x, -1),
    "layer_norm": lambda x: F.layer_norm(x, (5,)),
    "rms_norm": lambda x: F.rms_norm(x, (5,)),
    "group_norm": lambda x: F.group_norm(x, 1),
    "instance_norm": lambda x: F.instance_norm(x.unsqueeze(0)),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "attention": lambda x: F.scaled_dot_product_attention(x, x.flip(0), x.flip(1)),
}
ROWS = torch.tensor([[1.0, -0.7, 0.4, 0.9, -1.0], [0.2, 1.0, -0.3, 0.8, 0.5], [-0.9, 0.6, 1.0, -0.2, 0.1]])


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("scale", [1e-4, 0.01, 1.0, 300.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_gradient_are_float64s_as_nearly_as_torchs(name: str, scale: float, dtype: torch.dtype) -> None:
    f, x = FUNCTIONS[name], (scale * ROWS).to(dtype)
    weight = torch.linspace(0.5, 1.5, f(x.double()).numel(), dtype=torch.float64)

    def loss(x: Any) -> Any:
        return (f(x).reshape(-1) * weight.to(x.dtype)).sum()

    required, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    theirs, true = torch.autograd.grad(loss(required), required)[0], torch.autograd.grad(loss(exact), exact)[0]
    value, _ = tape.vjp(f, x)
    assert value.dtype == dtype
    ours = tape.grad(loss)(x)
    for found, peer, right in ((value, f(x), f(x.double())), (ours, theirs, true)):
        rounding = torch.finfo(dtype).eps * right.abs().max() + torch.finfo(dtype).smallest_normal * 2**-8
        assert error(found, right) <= 2 * torch.nan_to_num(error(peer, right), nan=0.0, posinf=0.0) + 2 * rounding


def error(found: Any, right: Any) -> Any:
    return (found.double() - right).abs().max()


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_distances_of_rows_which_torch_has_not_in_half_precision(dtype: torch.dtype) -> None:
    x = (300 * ROWS).to(dtype)
    found, pullback = tape.vjp(lambda x: torch.cdist(x, x.flip(1)), x)
    right, right_pullback = tape.vjp(lambda x: torch.cdist(x, x.flip(1)), x.double())
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(found.double(), right, rtol=eps, atol=0)
    ones = torch.ones_like(right)
    torch.testing.assert_close(pullback(ones.to(dtype))[0].double(), right_pullback(ones)[0], rtol=eps, atol=eps)


def test_the_norm_of_hundreds_in_float16() -> None:
    value, gradient = tape.value_and_grad(torch.linalg.vector_norm)(torch.full((3, 3), 100.0, dtype=torch.float16))
    assert value == 300
    torch.testing.assert_close(gradient, torch.full((3, 3), 1 / 3, dtype=torch.float16))


@pytest.mark.parametrize("scale", [1e-18, 1e18])
def test_second_derivatives_of_norms_of_extreme_length(scale: float) -> None:
    x = scale * torch.tensor([3.0, 4.0])
    slope = tape.grad(torch.linalg.vector_norm)
    torch.testing.assert_close(slope(x), torch.tensor([0.6, 0.8]))
    turning = tape.grad(lambda x: slope(x)[0])(x)
    torch.testing.assert_close(turning * scale, torch.tensor([0.64, -0.48]) / 5)


def test_the_slope_of_an_infinite_norm_is_zero_as_torchs() -> None:
    assert (tape.grad(torch.linalg.vector_norm)(torch.full((3,), 1e30)) == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("number", [3.0, 12345.678, 30000.0])
def test_a_constant_row_is_normalised_to_zeros_with_a_finite_gradient(dtype: torch.dtype, number: float) -> None:
    x = torch.full((7,), number, dtype=dtype)
    out, pullback = tape.vjp(lambda x: F.layer_norm(x, (7,)), x)
    assert (out == 0).all()
    g = torch.linspace(-1, 1, 7).to(dtype)
    torch.testing.assert_close(pullback(g)[0], g * 1e-5**-0.5, rtol=0.01, atol=0.5)


def test_attention_of_large_entries_in_float16() -> None:
    x = torch.full((2, 4), 35.4, dtype=torch.float16)
    out, pullback = tape.vjp(F.scaled_dot_product_attention, x, x, torch.ones_like(x))
    assert (out == 1).all()
    assert all(torch.isfinite(gradient).all() for gradient in pullback(torch.ones_like(x)))


def test_scores_that_are_infinite_before_they_are_scaled() -> None:
    q = torch.full((1, 16), 5e18)
    k = torch.cat([q, -q])
    out, _ = tape.vjp(F.scaled_dot_product_attention, q, k, torch.tensor([[1.0], [2.0]]))
    assert out == 1


def test_more_entries_than_a_number_of_float16_counts() -> None:
    x = torch.full((70_000,), 0.5, dtype=torch.float16)
    value, gradient = tape.value_and_grad(torch.linalg.vector_norm)(x)
    torch.testing.assert_close(value.float(), torch.tensor(0.5 * math.sqrt(70_000)), rtol=1e-3, atol=0)
    torch.testing.assert_close(gradient.float(), torch.full((70_000,), 70_000**-0.5), rtol=1e-2, atol=0)
