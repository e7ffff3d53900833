"""Functions whose result does not depend on their arguments smoothly: they take traced values as constants.

Comparisons, orders, rounding and questions about shape and type give plain tensors and plain Python values.
"""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import Tensor

from tape import tree
from tape.core.boundary.reading import Reading, refuse_number
from tape.core.implementing import implements
from tape.core.traced import Traced, raw, raw_tree
from tape.errors import TapeTypeError

FUNCTIONS = (
    "eq ne lt le gt ge not_equal less less_equal greater greater_equal equal isclose allclose "
    "isnan isinf isfinite isneginf isposinf isreal signbit is_nonzero "
    "argmax argmin argsort nonzero argwhere count_nonzero searchsorted bucketize "
    "any all isin sign sgn floor ceil round trunc fix floor_divide "
    "logical_and logical_or logical_xor logical_not "
    "zeros_like ones_like empty_like rand_like randn_like randint_like "
    "is_floating_point is_complex is_conj is_neg is_inference is_same_size numel result_type get_device"
)
METHODS = (
    "size stride dim ndimension numel nelement element_size is_contiguous is_signed is_shared is_pinned is_set_to "
    "dense_dim sparse_dim dim_order data_ptr storage_offset "
    "new_zeros new_ones new_empty long int short char byte bool "
    "__bool__ __int__ __index__ __format__ __floordiv__ __rfloordiv__ __contains__ "
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__"
)


def _on_constants(function: Callable[..., Any]) -> Callable[..., Any]:
    Reading.constant.add(function)

    def constant(*args: Any, **kwargs: Any) -> Any:
        return function(*raw_tree(args), **raw_tree(kwargs))

    constant.__name__ = getattr(function, "__name__", "constant")
    return constant


for _name in FUNCTIONS.split():
    for _owner in (torch, Tensor):
        if hasattr(_owner, _name):
            implements(getattr(_owner, _name))(_on_constants(getattr(_owner, _name)))
for _name in METHODS.split():
    implements(getattr(Tensor, _name))(_on_constants(getattr(Tensor, _name)))


@implements(torch.detach, Tensor.detach)
def detach(x: Any) -> Any:
    return raw(x).detach()


@implements(Tensor.__len__)
def length(x: Traced) -> int:
    if not x.shape:
        raise TapeTypeError(
            "len() of a 0-d tensor, which torch.tensor and its kin ask for where they meet traced values: write "
            "torch.stack([x, y]) for torch.tensor([x, y]), and x itself for torch.tensor(x) and torch.as_tensor(x)"
        )
    return int(x.shape[0])


@implements(Tensor.item)
def item(x: Traced) -> Reading:
    return Reading(raw(x).item(), x)


@implements(Tensor.tolist)
def tolist(x: Traced) -> Any:
    return tree.map(lambda number: Reading(number, x), raw(x).tolist())


@implements(Tensor.__float__)
def number(x: Traced) -> NoReturn:
    raise refuse_number("float(x) of a traced value")


@implements(Tensor.__complex__)
def complex_number(x: Traced) -> NoReturn:
    raise refuse_number("complex(x) of a traced value")


@implements(Tensor.numpy)
def numpy(x: Traced) -> Any:
    return x.__array__()


def _rounded(rounding: Callable[[Any], int]) -> Callable[[Traced], int]:
    return lambda x: rounding(raw(x).item())


# `math.floor(x)` and its kin are constants, as torch's functions of these names; torch's tensors go by way of float().
for _rounding in (math.floor, math.ceil, math.trunc):
    setattr(Traced, f"__{_rounding.__name__}__", _rounded(_rounding))
