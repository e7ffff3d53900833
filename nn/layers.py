"""The layers: constructors under PyTorch's module names. Input sizes come from the shape that `init` gets.

Keywords mean what they mean there, and parameters have the names and shapes of that module's. A weight and a bias
begin as an initialiser has them. `init` raises ValueError, or the function's own error, for a shape that does not fit.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from nn import activation, convolution, pooling, upsampling
from nn.geometry import Pair, pair
from nn.initializers import Initializer, uniform_fan_in
from nn.layer import Layer, Params, Shape, elementwise
from tape import tree
from tape.ops.products import linear

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "ConvTranspose2d",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "ReLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "UpsampleConv2d",
    "UpsampleNearest",
]


def Linear(
    out_features: int,
    bias: bool = True,
    weight_init: Initializer = uniform_fan_in,
    bias_init: Initializer = uniform_fan_in,
) -> Layer:
    """`nn.linear` as a layer, from (..., in features) to (..., out features).

    >>> params, shape = Linear(2).init(torch.Generator().manual_seed(0), (3,))
    >>> tuple(params["weight"].shape), shape
    ((2, 3), (2,))
    """
    return _affine(
        lambda params, x: linear(x, params["weight"], params.get("bias")),
        lambda shape: ((out_features, shape[-1]), shape[-1]),
        out_features if bias else 0,
        weight_init,
        bias_init,
    )


def Conv2d(
    out_channels: int,
    kernel_size: Pair,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
    bias: bool = True,
    weight_init: Initializer = uniform_fan_in,
    bias_init: Initializer = uniform_fan_in,
) -> Layer:
    """`nn.conv2d` as a layer on images (C, H, W).

    >>> params, shape = Conv2d(8, 3, stride=2, padding=1).init(torch.Generator().manual_seed(0), (3, 32, 32))
    >>> tuple(params["weight"].shape), tuple(params["bias"].shape), shape
    ((8, 3, 3, 3), (8,), (8, 16, 16))
    """

    def apply(params: Params, x: Tensor) -> Tensor:
        return convolution.conv2d(x, params["weight"], params.get("bias"), stride, padding, dilation, groups)

    return _affine(
        apply,
        _kernels(out_channels, kernel_size, groups),
        out_channels if bias else 0,
        weight_init,
        bias_init,
    )


def UpsampleConv2d(
    out_channels: int,
    kernel_size: Pair,
    scale_factor: Pair = 2,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
    bias: bool = True,
    weight_init: Initializer = uniform_fan_in,
    bias_init: Initializer = uniform_fan_in,
) -> Layer:
    """`nn.upsample_conv2d` as a layer on images (C, H, W), with the parameters of `Conv2d`.

    >>> UpsampleConv2d(8, 3, padding=1).init(torch.Generator().manual_seed(0), (3, 16, 16))[1]
    (8, 32, 32)
    """

    def apply(params: Params, x: Tensor) -> Tensor:
        return upsampling.upsample_conv2d(
            x, params["weight"], params.get("bias"), scale_factor, stride, padding, dilation, groups
        )

    return _affine(
        apply,
        _kernels(out_channels, kernel_size, groups),
        out_channels if bias else 0,
        weight_init,
        bias_init,
    )


def ConvTranspose2d(
    out_channels: int,
    kernel_size: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
    bias: bool = True,
    weight_init: Initializer = uniform_fan_in,
    bias_init: Initializer = uniform_fan_in,
) -> Layer:
    """`nn.conv_transpose2d` as a layer on images (C, H, W).

    The initialisers count C / groups · kernel height · kernel width inputs to an output, where PyTorch counts out
    channels in place of C.

    >>> params, shape = ConvTranspose2d(8, 2, stride=2).init(torch.Generator().manual_seed(0), (3, 16, 16))
    >>> tuple(params["weight"].shape), shape
    ((3, 8, 2, 2), (8, 32, 32))
    """

    def apply(params: Params, x: Tensor) -> Tensor:
        return convolution.conv_transpose2d(
            x, params["weight"], params.get("bias"), stride, padding, output_padding, groups, dilation
        )

    def weight_shape(shape: Shape) -> tuple[Shape, int]:
        kernel = pair(kernel_size, "kernel_size", at_least=1)
        fan_in = _per_group(shape, groups) * kernel[0] * kernel[1]
        return (shape[0], out_channels // groups, *kernel), fan_in

    return _affine(apply, weight_shape, out_channels if bias else 0, weight_init, bias_init)


def UpsampleNearest(scale_factor: Pair) -> Layer:
    """`nn.upsample_nearest` as a layer on images (C, H, W), without parameters.

    >>> UpsampleNearest(2).init(torch.Generator(), (3, 16, 16))
    ({}, (3, 32, 32))
    """
    return _resizing(lambda x: upsampling.upsample_nearest(x, scale_factor))


def MaxPool2d(
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Layer:
    """`nn.max_pool2d` as a layer on images (C, H, W), without parameters.

    >>> MaxPool2d(2).init(torch.Generator(), (3, 16, 16))
    ({}, (3, 8, 8))
    """
    return _resizing(lambda x: pooling.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode))


def AvgPool2d(
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Layer:
    """`nn.avg_pool2d` as a layer on images (C, H, W), without parameters.

    >>> AvgPool2d(2).init(torch.Generator(), (3, 16, 16))
    ({}, (3, 8, 8))
    """
    return _resizing(lambda x: pooling.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad))


def ReLU() -> Layer:
    """`nn.relu` as a layer on any shape, without parameters.

    >>> ReLU().apply({}, torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return elementwise(activation.relu)


def LeakyReLU(negative_slope: float = 0.01) -> Layer:
    """`nn.leaky_relu` as a layer on any shape, without parameters.

    >>> LeakyReLU(0.1).apply({}, torch.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """
    return elementwise(lambda x: activation.leaky_relu(x, negative_slope))


def Sigmoid() -> Layer:
    """`nn.sigmoid` as a layer on any shape, without parameters.

    >>> Sigmoid().apply({}, torch.tensor([0.0]))
    tensor([0.5000])
    """
    return elementwise(activation.sigmoid)


def Tanh() -> Layer:
    """`nn.tanh` as a layer on any shape, without parameters.

    >>> Tanh().apply({}, torch.tensor([0.0]))
    tensor([0.])
    """
    return elementwise(activation.tanh)


def Softplus(beta: float = 1.0, threshold: float = 20.0) -> Layer:
    """`nn.softplus` as a layer on any shape, without parameters.

    >>> Softplus().apply({}, torch.tensor([0.0, 100.0]))
    tensor([  0.6931, 100.0000])
    """
    return elementwise(lambda x: activation.softplus(x, beta, threshold))


def _affine(
    apply: Callable[[Params, Tensor], Tensor],
    weight_shape: Callable[[Shape], tuple[Shape, int]],
    bias_size: int,
    weight_init: Initializer,
    bias_init: Initializer,
) -> Layer:
    """A layer with a weight, of a shape and a fan-in that depend on the input's, and perhaps a bias."""

    def init(generator: Generator, shape: Shape) -> tuple[Params, Shape]:
        size, fan_in = weight_shape(shape)
        params: Params = {"weight": weight_init(generator, size, fan_in)}
        if bias_size:
            params["bias"] = bias_init(generator, (bias_size,), fan_in)
        return params, _output_shape(apply, params, shape)

    return Layer(init, apply)


def _kernels(out_channels: int, kernel_size: Pair, groups: int) -> Callable[[Shape], tuple[Shape, int]]:
    def weight_shape(shape: Shape) -> tuple[Shape, int]:
        kernel = pair(kernel_size, "kernel_size", at_least=1)
        group_channels = _per_group(shape, groups)
        return (out_channels, group_channels, *kernel), group_channels * kernel[0] * kernel[1]

    return weight_shape


def _per_group(shape: Shape, groups: int) -> int:
    if shape[0] % groups:
        raise ValueError(f"{groups} groups do not divide the {shape[0]} channels of an input of shape {shape}")
    return shape[0] // groups


def _resizing(f: Callable[[Tensor], Tensor]) -> Layer:
    def apply(params: Params, x: Tensor) -> Tensor:
        return f(x)

    return Layer(lambda generator, shape: ({}, _output_shape(apply, {}, shape)), apply)


def _output_shape(apply: Callable[[Params, Tensor], Tensor], params: Params, shape: Shape) -> Shape:
    """The shape that comes out, found by running the layer on tensors without numbers."""

    def without_numbers(x: Any) -> Tensor:
        return torch.empty_like(x, device="meta")

    out = apply(tree.map(without_numbers, params), torch.empty((1, *shape), device="meta"))
    return tuple(out.shape[1:])
