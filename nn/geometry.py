"""How sizes are written, and what images are."""

from collections.abc import Sequence

from torch import Tensor

__all__ = ["Pair", "Sides", "check_channels", "check_images", "kernel_shape", "padding_sides", "pair"]

Pair = int | Sequence[int]
Sides = tuple[int, int, int, int]  # left, right, top, bottom


def pair(value: Pair, name: str = "size", at_least: int | None = None) -> tuple[int, int]:
    """One number for both dimensions, or two as (height, width).

    >>> pair(3), pair([1, 2])
    ((3, 3), (1, 2))
    """
    numbers = (value,) if isinstance(value, int) else tuple(value)
    if len(numbers) not in (1, 2):
        raise ValueError(f"{name} must be one integer or (height, width), not {numbers}")
    if at_least is not None and min(numbers) < at_least:
        raise ValueError(f"{name} must be at least {at_least}, not {value}")
    return numbers[0], numbers[-1]


def check_images(name: str, input: Tensor) -> None:
    """Raises a ValueError unless `input` is (N, C, H, W)."""
    if input.ndim != 4:
        raise ValueError(f"{name}: images are (N, C, H, W), not {tuple(input.shape)}")


def padding_sides(
    padding: Pair | str, kernel_size: Sequence[int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Sides:
    """A convolution's padding as (left, right, top, bottom)."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        if stride != (1, 1):
            raise ValueError("conv2d: padding='same' needs stride 1")
        spare = [step * (kernel - 1) for kernel, step in zip(kernel_size, dilation, strict=True)]
        return spare[1] // 2, spare[1] - spare[1] // 2, spare[0] // 2, spare[0] - spare[0] // 2
    if isinstance(padding, str):
        raise ValueError(f"conv2d: padding is a number, a pair, 'same' or 'valid', not {padding!r}")
    vertical, horizontal = pair(padding, "padding", at_least=0)
    return horizontal, horizontal, vertical, vertical


def kernel_shape(name: str, weight: Tensor) -> Sequence[int]:
    """The shape of a convolution's weight; a ValueError unless it has four dimensions."""
    if weight.ndim != 4:
        raise ValueError(f"{name}: a weight has 4 dimensions, the last two the kernel's; not {tuple(weight.shape)}")
    return weight.shape


def check_channels(
    name: str, input: Tensor, bias: Tensor | None, channels: int, out_channels: int, groups: int
) -> None:
    """Raises a ValueError unless a convolution's arguments fit together."""
    check_images(name, input)
    if input.shape[1] != channels:
        raise ValueError(
            f"{name}: the weight expects images (N, {channels}, H, W); the input has shape {tuple(input.shape)}"
        )
    if channels % groups or out_channels % groups:
        raise ValueError(f"{name}: {groups} groups do not divide {channels} and {out_channels} channels")
    if bias is not None and bias.shape != (out_channels,):
        raise ValueError(f"{name}: the bias has shape {tuple(bias.shape)} for {out_channels} output channels")
