"""Functions whose result does not depend on their arguments smoothly: they take traced values as constants.

Comparisons, orders, rounding and questions about shape and type give plain tensors and plain Python values.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tape.core.implementing import implements
from tape.core.traced import Traced, raw, raw_tree

FUNCTIONS = (
    "eq ne lt le gt ge not_equal less less_equal greater greater_equal equal isclose allclose "
    "isnan isinf isfinite isneginf isposinf isreal signbit is_nonzero "
    "argmax argmin argsort nonzero argwhere count_nonzero searchsorted bucketize unique "
    "any all isin sign sgn floor ceil round trunc fix floor_divide heaviside "
    "logical_and logical_or logical_xor logical_not "
    "zeros_like ones_like full_like empty_like rand_like randn_like randint_like "
    "is_floating_point is_complex numel result_type"
)
METHODS = (
    "size stride dim ndimension numel nelement element_size is_floating_point is_complex is_contiguous "
    "is_signed get_device data_ptr storage_offset item tolist "
    "new_zeros new_ones new_full new_empty new_tensor long int short bool "
    "__bool__ __float__ __int__ __index__ __len__ __format__ __floordiv__ __rfloordiv__ __contains__ "
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__"
)


def _on_constants(function: Callable[..., Any]) -> Callable[..., Any]:
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


@implements(Tensor.numpy)
def numpy(x: Traced) -> Any:
    return x.__array__()
