"""Pure functions over parameter pytrees, composed from tape's primitives, and layers made of them."""

from nn.activation import leaky_relu, relu, sigmoid, softplus, tanh
from nn.convolution import conv2d, conv_transpose2d
from nn.initializers import Initializer, kaiming_normal, kaiming_uniform, uniform_fan_in, zeros
from nn.layer import Layer, Params, Shape, elementwise, identity, parallel, residual, serial, skip
from nn.layers import (
    AvgPool2d,
    Conv2d,
    ConvTranspose2d,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
    UpsampleConv2d,
    UpsampleNearest,
)
from nn.loss import l1_loss, mse_loss
from nn.pooling import avg_pool2d, max_pool2d
from nn.upsampling import interpolate, upsample_conv2d, upsample_nearest
from tape.ops.products import linear

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "ConvTranspose2d",
    "Initializer",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "Params",
    "ReLU",
    "Shape",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "UpsampleConv2d",
    "UpsampleNearest",
    "avg_pool2d",
    "conv2d",
    "conv_transpose2d",
    "elementwise",
    "identity",
    "interpolate",
    "kaiming_normal",
    "kaiming_uniform",
    "l1_loss",
    "leaky_relu",
    "linear",
    "max_pool2d",
    "mse_loss",
    "parallel",
    "relu",
    "residual",
    "serial",
    "sigmoid",
    "skip",
    "softplus",
    "tanh",
    "uniform_fan_in",
    "upsample_conv2d",
    "upsample_nearest",
    "zeros",
]
