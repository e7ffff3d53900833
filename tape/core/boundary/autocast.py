"""`torch.autocast` around a call of a primitive: what it converts is recorded as conversions.

Autocast converts inside torch's kernels, where no tape sees it, and a rule would meet a cotangent of one dtype and
residuals of another. So the dtype that it chooses is found out, the arguments are converted to it by recorded steps,
and the primitive runs on them with autocast off, as rules do. A composite is converted where its primitives are: its
result may have another dtype than that of torch's kernel of the name.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.definition import Definition
from tape.core.traced import raw, raw_tree

__all__ = ["as_autocast", "autocast_as_now", "is_autocast", "without_autocast"]

is_autocast: Callable[[], bool] = torch._C._is_any_autocast_enabled

_DEVICES = ("cpu", "cuda", "mps", "xpu")

# The dtype to which a primitive's arguments of certain dtypes are converted, or None.
_chosen: dict[Any, torch.dtype | None] = {}


def as_autocast(primitive: Definition, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A call of a primitive under autocast."""
    dtype = _choice(primitive, raw_tree(args), options)
    with without_autocast():
        converted = args if dtype is None else tree.map(lambda x: _converted(x, dtype), args)
        return primitive.call(*converted, **options)


@contextmanager
def without_autocast() -> Iterator[None]:
    with ExitStack() as stack:
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


def autocast_as_now() -> Callable[[], AbstractContextManager[None]]:
    """Around a call that is run again later: what autocast does now."""
    now = [(name, torch.get_autocast_dtype(name)) for name in _DEVICES if torch.is_autocast_enabled(name)]

    @contextmanager
    def again() -> Iterator[None]:
        with ExitStack() as stack:
            for device, dtype in now:
                stack.enter_context(torch.autocast(device, dtype))
            yield

    return again


def _choice(primitive: Definition, args: tuple[Any, ...], options: dict[str, Any]) -> torch.dtype | None:
    dtypes = tuple((x.dtype, x.device.type) if isinstance(x, Tensor) else type(x) for x in tree.leaves(args))
    setting = tuple((torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)) for device in _DEVICES)
    key = primitive.function, dtypes, setting, tuple(map(repr, options.values()))
    if key not in _chosen:
        _chosen[key] = _found(primitive, args, options)
    return _chosen[key]


def _found(primitive: Definition, args: tuple[Any, ...], options: dict[str, Any]) -> torch.dtype | None:
    under = _dtype(primitive.function(*args, **options))
    try:
        with without_autocast():
            without = _dtype(primitive.function(*args, **options))
    except RuntimeError:  # dtypes that do not go together unless they are converted
        return under
    return None if under is without else under


def _dtype(ans: Any) -> torch.dtype | None:
    """The dtype of a floating-point result."""
    first = next((x for x in tree.leaves(ans) if isinstance(x, Tensor) and x.is_floating_point()), None)
    return None if first is None else first.dtype


def _converted(x: Any, dtype: torch.dtype) -> Any:
    if isinstance(raw(x), Tensor) and x.is_floating_point() and x.dtype is not dtype:
        return x.to(dtype)
    return x
