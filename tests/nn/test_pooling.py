"""Pooling, beside torch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

import nn
import tape

layouts = st.sampled_from(["contiguous", "channels last", "sliced"])


def pairs(low: int, high: int) -> st.SearchStrategy[Any]:
    """One number, or two."""
    number = st.integers(low, high)
    return number | st.tuples(number, number)


def both(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def shape_of(batch: int | None, channels: int, size: Any) -> tuple[int, ...]:
    return (*(() if batch is None else (batch,)), channels, *both(size))


def assume_it_fits(size: Any, kernel: Any, padding: Any, dilation: Any) -> None:
    for n, k, p, d in zip(*map(both, (size, kernel, padding, dilation)), strict=True):
        assume(p <= k // 2)
        assume(n + 2 * p >= d * (k - 1) + 1)


@given(
    batch=st.integers(1, 2) | st.none(),
    channels=st.integers(1, 3),
    size=pairs(1, 8),
    kernel=pairs(1, 4),
    stride=pairs(1, 4) | st.none(),
    padding=pairs(0, 2),
    dilation=pairs(1, 2),
    ceil_mode=st.booleans(),
    layout=layouts,
    seed=st.integers(0, 1000),
)
def test_max_pool2d_agrees_with_torch(
    batch: int | None,
    channels: int,
    size: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    layout: str,
    seed: int,
    compare: Any,
    doubles: Any,
    laid_out: Any,
) -> None:
    assume_it_fits(size, kernel, padding, dilation)

    def pool(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: f(x, kernel, stride, padding, dilation, ceil_mode)

    images = laid_out(doubles(seed, *shape_of(batch, channels, size)), layout)
    # A window of padding alone has no entry to give a cotangent to; torch gives it to one beside the window.
    assume(pool(F.max_pool2d)(images).isfinite().all())
    compare(pool(nn.max_pool2d), pool(F.max_pool2d), images)


@given(
    batch=st.integers(1, 2) | st.none(),
    channels=st.integers(1, 3),
    size=pairs(1, 8),
    kernel=pairs(1, 4),
    stride=pairs(1, 4) | st.none(),
    padding=pairs(0, 2),
    ceil_mode=st.booleans(),
    count_include_pad=st.booleans(),
    divisor_override=st.none() | st.integers(1, 5),
    layout=layouts,
    seed=st.integers(0, 1000),
)
def test_avg_pool2d_agrees_with_torch(
    batch: int | None,
    channels: int,
    size: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
    layout: str,
    seed: int,
    compare: Any,
    doubles: Any,
    laid_out: Any,
) -> None:
    assume_it_fits(size, kernel, padding, 1)

    def pool(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: f(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)

    images = laid_out(doubles(seed, *shape_of(batch, channels, size)), layout)
    compare(pool(nn.avg_pool2d), pool(F.avg_pool2d), images)


@pytest.mark.parametrize("f", [torch.max, torch.mean])
def test_second_derivatives_agree_with_torch(f: Any, compare: Any, doubles: Any) -> None:
    ours, theirs = (nn.max_pool2d, F.max_pool2d) if f is torch.max else (nn.avg_pool2d, F.avg_pool2d)

    def pool(pooling: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: pooling(x**3, 3, 2, 1)

    compare(pool(ours), pool(theirs), doubles(0, 2, 2, 6, 5), second=True)


@pytest.mark.parametrize("levels", [1, 2])
def test_of_equal_entries_the_first_gets_the_cotangent(levels: int, compare: Any) -> None:
    images = (torch.arange(72) * 7 % levels).double().reshape(1, 2, 6, 6)

    def pool(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: f(x, 3, 2, 1)

    compare(pool(nn.max_pool2d), pool(F.max_pool2d), images)


@pytest.mark.parametrize("filler", [-torch.inf, torch.nan])
def test_infinities_and_nans_come_through_as_in_torch(filler: float) -> None:
    images = torch.zeros(1, 1, 4, 4)
    images[..., :2, :2] = filler
    torch.testing.assert_close(nn.max_pool2d(images, 2), F.max_pool2d(images, 2), equal_nan=True)


def test_traced_calls_of_torchs_functions_are_composed(doubles: Any) -> None:
    images = doubles(0, 2, 3, 6, 6)
    calls: list[Callable[[Any], Any]] = [
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.max_pool2d(x, kernel_size=3, stride=2, padding=1, ceil_mode=True),
        lambda x: torch.max_pool2d(x, 2),
        torch.nn.MaxPool2d(3, 2),
        lambda x: F.avg_pool2d(x, 2),
        lambda x: F.avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False),
        torch.nn.AvgPool2d(2),
    ]
    for call in calls:
        required = images.clone().requires_grad_()
        expected = call(required)
        out, pullback = tape.vjp(call, images)
        torch.testing.assert_close(out, expected.detach())
        torch.testing.assert_close(pullback(out), torch.autograd.grad(expected, required, out))


IMAGES = torch.zeros(1, 2, 5, 5)


@pytest.mark.parametrize("pool", [nn.max_pool2d, nn.avg_pool2d])
@pytest.mark.parametrize(
    ("images", "options", "said"),
    [
        (IMAGES, {"kernel_size": 6}, r"window of \(6, 6\).*\(5, 5\)"),
        (IMAGES, {"kernel_size": 3, "padding": 2}, r"padding \(2, 2\) is more than half of .*\(3, 3\)"),
        (IMAGES, {"kernel_size": 3, "padding": -1}, "padding must be at least 0"),
        (IMAGES, {"kernel_size": 0}, "kernel_size must be at least 1"),
        (IMAGES, {"kernel_size": 2, "stride": 0}, "stride must be at least 1"),
        (IMAGES, {"kernel_size": (1, 2, 3)}, "kernel_size must be one integer"),
        (IMAGES[0, 0], {"kernel_size": 2}, r"pool2d: images are \(N, C, H, W\), not \(5, 5\)"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_sizes(pool: Any, images: Any, options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pool(images, **options)


def test_indices_are_refused_where_they_are_traced() -> None:
    with pytest.raises(tape.TapeError, match="max_pool2d"):
        tape.vjp(lambda x: F.max_pool2d(x, 2, return_indices=True), IMAGES)


def test_a_divisor_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="divisor_override"):
        nn.avg_pool2d(torch.ones(1, 1, 2, 2), 2, divisor_override=0)
