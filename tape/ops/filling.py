"""Tensors filled with one number, which may be a traced value, and what keeps some of a tensor's numbers."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

from tape.core.implementing import implements
from tape.core.refusals import function_name
from tape.core.traced import Traced, raw
from tape.errors import TapeError
from tape.ops.spelling import static


def _filled(constant: Tensor, value: Any) -> Any:
    """A constant of the shape, dtype and device that are wanted, with its numbers replaced by a traced one's."""
    if type(value) is not Traced or not constant.is_floating_point():
        return constant
    return value.to(device=constant.device, dtype=constant.dtype).expand(constant.shape)


def _number(value: Any) -> Any:
    plain = raw(value)
    if isinstance(plain, Tensor) and plain.ndim:
        raise TypeError(f"a tensor is filled with a number or a 0-d value; this one has shape {tuple(plain.shape)}")
    return plain.item() if isinstance(plain, Tensor) else plain


@implements(torch.full)
def full(size: Sequence[int], fill_value: Any, **options: Any) -> Any:
    static(size=size)
    return _filled(torch.full(size, _number(fill_value), **options), fill_value)


@implements(torch.full_like)
def full_like(x: Any, fill_value: Any, **options: Any) -> Any:
    return _filled(torch.full_like(raw(x), _number(fill_value), **options), fill_value)


@implements(Tensor.new_full)
def new_full(x: Any, size: Sequence[int], fill_value: Any, **options: Any) -> Any:
    static(size=size)
    return _filled(raw(x).new_full(size, _number(fill_value), **options), fill_value)


@implements(torch.fill)
def fill(x: Any, value: Any) -> Any:
    return full_like(x, value)


@implements(torch.scalar_tensor)
def scalar_tensor(s: Any, **options: Any) -> Any:
    return _filled(torch.scalar_tensor(_number(s), **options), s)


@implements(Tensor.new_tensor)
def new_tensor(x: Any, data: Any, **options: Any) -> Any:
    return raw(x).new_tensor(data, **options)


@implements(torch.heaviside, Tensor.heaviside)
def heaviside(x: Any, values: Any) -> Any:
    """A step at 0, where it has the values of `values`."""
    return torch.where(raw(x) == 0, values, torch.heaviside(raw(x), torch.zeros_like(raw(values))))


def _refused(function: Any, instead: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise TapeError(f"{function_name(function)} of a traced value has no derivative; {instead}")

    refuse.__name__ = function.__name__
    return refuse


for _function in (torch.unique, Tensor.unique, torch.unique_consecutive, Tensor.unique_consecutive):
    implements(_function)(
        _refused(
            _function,
            "write it of tape.stop_gradient(x), where its numbers are constants, and index x for those with a "
            "derivative",
        )
    )
