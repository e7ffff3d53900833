"""Convolutions, beside torch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

import nn
import tape

layouts = st.sampled_from(["contiguous", "channels last", "expanded", "sliced"])


def pairs(low: int, high: int) -> st.SearchStrategy[Any]:
    """One number, or two."""
    number = st.integers(low, high)
    return number | st.tuples(number, number)


def both(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch pads a copy where the kernel is even
@given(
    batch=st.integers(1, 3) | st.none(),
    size=pairs(1, 7),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    groups=st.integers(1, 3),
    kernel=pairs(1, 4),
    stride=pairs(1, 3),
    padding=pairs(0, 2) | st.sampled_from(["same", "valid"]),
    dilation=pairs(1, 2),
    bias=st.booleans(),
    layout=layouts,
    seed=st.integers(0, 1000),
)
def test_conv2d_agrees_with_torch(
    batch: int | None,
    size: Any,
    channels: tuple[int, int],
    groups: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    bias: bool,
    layout: str,
    seed: int,
    compare: Any,
    doubles: Any,
    laid_out: Any,
) -> None:
    if padding == "same":
        stride = 1
    margins = both(0 if isinstance(padding, str) else padding)
    spans = [d * (k - 1) + 1 for d, k in zip(both(dilation), both(kernel), strict=True)]
    if padding != "same":
        assume(all(s + 2 * m >= span for s, m, span in zip(both(size), margins, spans, strict=True)))
    shape = (channels[0] * groups, *both(size))
    images = laid_out(doubles(seed, *(() if batch is None else (batch,)), *shape), layout)
    weight = doubles(seed + 1, channels[1] * groups, channels[0], *both(kernel))
    inputs = [images, weight] + [doubles(seed + 2, channels[1] * groups)] * bias

    def convolve(conv: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, w, b=None: conv(x, w, b, stride, padding, dilation, groups)

    compare(convolve(nn.conv2d), convolve(F.conv2d), *inputs)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("kernel", [(2, 2), (4, 3), (1, 2), (3, 5)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_has_its_odd_row_and_column_where_torch_has_it(
    kernel: tuple[int, int], dilation: int, compare: Any, doubles: Any
) -> None:
    def convolve(conv: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, w: conv(x, w, padding="same", dilation=dilation)

    compare(convolve(nn.conv2d), convolve(F.conv2d), doubles(0, 1, 2, 6, 5), doubles(1, 3, 2, *kernel))


@given(
    batch=st.integers(1, 3) | st.none(),
    size=pairs(1, 5),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    groups=st.integers(1, 3),
    kernel=pairs(1, 4),
    stride=pairs(1, 3),
    padding=pairs(0, 2),
    output_padding=pairs(0, 2),
    dilation=pairs(1, 3),
    bias=st.booleans(),
    layout=layouts,
    seed=st.integers(0, 1000),
)
def test_conv_transpose2d_agrees_with_torch(
    batch: int | None,
    size: Any,
    channels: tuple[int, int],
    groups: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    bias: bool,
    layout: str,
    seed: int,
    compare: Any,
    doubles: Any,
    laid_out: Any,
) -> None:
    for n, k, s, p, e, d in zip(*map(both, (size, kernel, stride, padding, output_padding, dilation)), strict=True):
        assume(e < max(s, d))
        assume((n - 1) * s + d * (k - 1) + 1 + e > 2 * p)
    images = laid_out(doubles(seed, *(() if batch is None else (batch,)), channels[0] * groups, *both(size)), layout)
    weight = doubles(seed + 1, channels[0] * groups, channels[1], *both(kernel))
    inputs = [images, weight] + [doubles(seed + 2, channels[1] * groups)] * bias

    def convolve(conv: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, w, b=None: conv(x, w, b, stride, padding, output_padding, groups, dilation)

    compare(convolve(nn.conv_transpose2d), convolve(F.conv_transpose2d), *inputs)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("ours", [nn.conv2d, nn.conv_transpose2d])
def test_second_derivatives_agree_with_torch(ours: Any, stride: int, groups: int, compare: Any, doubles: Any) -> None:
    theirs = getattr(F, ours.__name__)
    channels = (4, 4 // groups)
    inputs = (
        doubles(0, 2, 4, 5, 4),
        doubles(1, *channels, 3, 2),
        doubles(2, channels[0 if ours is nn.conv2d else 1] * (1 if ours is nn.conv2d else groups)),
    )

    def convolve(conv: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, w, b: conv(x, w, b, stride=stride, padding=1, dilation=(1, 2), groups=groups)

    compare(convolve(ours), convolve(theirs), *inputs, second=True)


@pytest.mark.parametrize("options", [{}, {"padding": 1}, {"padding": (0, 2)}, {"padding": 3}])
def test_transposed_convolutions_of_many_channels_agree_with_torch(
    options: dict[str, Any], compare: Any, doubles: Any
) -> None:
    def convolve(conv: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, w, b: conv(x, w, b, **options)

    inputs = doubles(0, 2, 17, 10, 11), doubles(1, 17, 18, 3, 3), doubles(2, 18)
    compare(convolve(nn.conv_transpose2d), convolve(F.conv_transpose2d), *inputs)


def test_no_images_have_no_gradients() -> None:
    images, weight = torch.zeros(0, 2, 5, 5), torch.ones(3, 2, 2, 2)
    out, pullback = tape.vjp(nn.conv2d, images, weight)
    assert out.shape == (0, 3, 4, 4)
    assert pullback(out)[1].eq(0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_images_keep_their_dtype(dtype: torch.dtype) -> None:
    images, weight = torch.rand(1, 2, 5, 5, dtype=dtype), torch.rand(3, 2, 3, 3, dtype=dtype)
    for convolve in (nn.conv2d, nn.conv_transpose2d):
        out, pullback = tape.vjp(convolve, images, weight if convolve is nn.conv2d else weight.mT.transpose(0, 1))
        assert out.dtype == dtype
        assert all(cotangent.dtype == dtype for cotangent in pullback(out))


def test_traced_calls_of_torchs_functions_are_composed(compare: Any, doubles: Any) -> None:
    x, w, b = doubles(0, 2, 4, 6, 5), doubles(1, 4, 2, 3, 3), doubles(2, 4)
    down = torch.nn.Conv2d(4, 2, 2, stride=2).double()
    calls: list[tuple[Callable[..., Any], tuple[Tensor, ...]]] = [
        (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1, groups=2), (x, w, b)),
        (lambda x, w: torch.conv2d(x, w, groups=2), (x, w)),
        (lambda x, w: F.conv2d(input=x, weight=w, padding="same", groups=2), (x, w)),
        (lambda x, w, b: F.conv_transpose2d(x, w, b[:2], 2, 1, 1), (x, w, b)),
        (lambda x, w: torch.conv_transpose2d(x, w, stride=2), (x, w)),
        (lambda x: down(x), (x,)),
    ]
    for call, inputs in calls:
        required = [value.clone().requires_grad_() for value in inputs]
        expected = call(*required)
        out, pullback = tape.vjp(call, *inputs)
        torch.testing.assert_close(out, expected.detach())
        torch.testing.assert_close(pullback(out), torch.autograd.grad(expected, required, out))


def test_per_sample_gradients_under_vmap(doubles: Any) -> None:
    def loss(w: Any, x: Any) -> Any:
        return nn.max_pool2d(nn.conv2d(x, w, padding=1), 2).square().sum()

    w, xs = doubles(0, 3, 2, 3, 3), doubles(1, 4, 2, 6, 6)
    gradients = torch.func.vmap(tape.grad(loss), in_dims=(None, 0))(w, xs)
    torch.testing.assert_close(gradients, torch.stack([tape.grad(loss)(w, x) for x in xs]))


IMAGES, WEIGHT = torch.zeros(2, 3, 8, 8), torch.zeros(4, 3, 3, 3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: nn.conv2d(IMAGES[:, :2], WEIGHT), r"conv2d.*\(N, 3, H, W\).*\(2, 2, 8, 8\)"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, groups=2), r"conv2d.*\(N, 6, H, W\)"),
        (lambda: nn.conv2d(IMAGES[:, :2], WEIGHT[:3, :1], groups=2), "2 groups do not divide 2 and 3"),
        (lambda: nn.conv2d(IMAGES, WEIGHT.repeat(1, 1, 3, 1)), r"window of \(9, 3\).*\(8, 8\)"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, dilation=4), r"dilation \(4, 4\) does not fit"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, padding="full"), "'full'"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, padding="same", stride=2), "stride 1"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, padding=-1), "padding must be at least 0"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, padding=(1, 2, 3)), "padding must be one integer"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, stride=0), "stride must be at least 1"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, dilation=(1, 0)), "dilation must be at least 1"),
        (lambda: nn.conv2d(IMAGES, WEIGHT[0]), r"weight has 4 dimensions.*\(3, 3, 3\)"),
        (lambda: nn.conv2d(IMAGES[0, 0], WEIGHT), r"\(N, C, H, W\), not \(8, 8\)"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, torch.zeros(1)), r"bias has shape \(1,\) for 4"),
        (lambda: nn.conv2d(IMAGES, WEIGHT, torch.zeros(4, 1, 1)), r"bias has shape \(4, 1, 1\)"),
        (lambda: nn.conv_transpose2d(IMAGES, WEIGHT), r"conv_transpose2d.*\(N, 4, H, W\)"),
        (lambda: nn.conv_transpose2d(IMAGES, WEIGHT[:3], output_padding=1), "output_padding .* smaller"),
        (lambda: nn.conv_transpose2d(IMAGES, WEIGHT[:3], padding=5), "leaves nothing"),
        (lambda: nn.conv_transpose2d(IMAGES, WEIGHT[:3], groups=2), "2 groups do not divide 3"),
        (lambda: nn.conv_transpose2d(IMAGES, WEIGHT[:3], torch.zeros(4)), r"bias has shape \(4,\) for 3"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_sizes(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize("channels", [1, 20])
@pytest.mark.parametrize("out_channels", [1, 20])
def test_a_kernel_that_does_not_fit_is_refused_by_the_name_that_was_called(channels: int, out_channels: int) -> None:
    with pytest.raises(ValueError, match=r"conv2d: a window of \(3, 3\)"):
        nn.conv2d(torch.ones(1, channels, 2, 2), torch.ones(out_channels, channels, 3, 3))
