"""Dtype, device and layout in memory: the same tensor kept in another way."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tape.core.domain import case, real
from tape.core.implementing import implements
from tape.core.registry import op
from tape.core.traced import raw

matrix = torch.ones(2, 3)
no_images = "required rank 4 tensor to use channels_last format"


@op(case(real(), dtype=(torch.float64, torch.float32)))
def convert(x: Tensor, *, dtype: torch.dtype | None = None, device: Any = None) -> Tensor:
    """The same numbers as another dtype or on another device."""
    return x.to(device=device, dtype=dtype)


convert.defvjp(x=lambda g, x_like: g.to(device=x_like.device, dtype=x_like.dtype))


@op(
    case(real()).refuses(RuntimeError, matrix, memory_format=torch.channels_last, match=no_images),
    torch.clone,
    Tensor.clone,
)
def clone(x: Tensor, *, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
    return torch.clone(x, memory_format=memory_format)


clone.defvjp(x=lambda g: g)


@op(case(real()).refuses(RuntimeError, matrix, torch.channels_last, match=no_images), Tensor.contiguous)
def contiguous(x: Tensor, memory_format: torch.memory_format = torch.contiguous_format) -> Tensor:
    return x.contiguous(memory_format=memory_format)


contiguous.defvjp(x=lambda g: g)
contiguous.keep_recipe()


@implements(Tensor.to)
def to(
    x: Any, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False, copy: bool = False
) -> Any:
    """`x.to(dtype)`, `x.to(device)`, `x.to(device, dtype)` and `x.to(other)`."""
    for argument in args:
        if isinstance(argument, torch.dtype):
            dtype = argument
        elif isinstance(raw(argument), Tensor):
            dtype, device = argument.dtype, argument.device
        elif not isinstance(argument, bool):
            device = argument
    if dtype is not None and not dtype.is_floating_point and not dtype.is_complex:
        return raw(x).to(device=device, dtype=dtype)
    return convert(x, dtype=dtype, device=device)


def _conversion(dtype: torch.dtype) -> Callable[[Any], Any]:
    def conversion(x: Any) -> Any:
        return convert(x, dtype=dtype)

    conversion.__name__ = f"conversion to {dtype}"
    return conversion


implements(Tensor.float)(_conversion(torch.float32))
implements(Tensor.double)(_conversion(torch.float64))
implements(Tensor.half)(_conversion(torch.float16))
implements(Tensor.bfloat16)(_conversion(torch.bfloat16))


@implements(Tensor.type)
def type_of(x: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """`x.type()` is a name, `x.type(dtype)` a conversion."""
    return raw(x).type() if dtype is None else to(x, raw(x).new_empty(0).type(dtype).dtype)


@implements(Tensor.type_as)
def type_as(x: Any, other: Any) -> Any:
    return to(x, other)


@implements(Tensor.cpu)
def cpu(x: Any) -> Any:
    return convert(x, device=torch.device("cpu"))


@implements(Tensor.cuda)
def cuda(x: Any, device: Any = None) -> Any:
    return convert(x, device=torch.device("cuda") if device is None else device)
