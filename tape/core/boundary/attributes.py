"""What code asks of a tensor beside its numbers: a traced value answers as the tensor behind it does."""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import torch
from torch import Tensor

from tape.core.refusals import in_place
from tape.core.traced import Traced, raw

__all__: list[str] = []

SAME = (
    "shape dtype device ndim layout itemsize nbytes requires_grad is_leaf name output_nr retains_grad grad_dtype imag "
    "_version is_cpu is_cuda is_ipu is_maia is_meta is_mkldnn is_mps is_mtia is_nested is_quantized is_sparse "
    "is_sparse_csr is_vulkan is_xla is_xpu"
)


def _of_the_tensor(name: str, x: Traced) -> Any:
    return getattr(raw(x), name)


def _nothing(_: Traced) -> None:
    """Torch's own autograd has no part in a traced value."""


def _constant(x: Traced) -> Tensor:
    stopped: Tensor = raw(x).detach()
    return stopped


def _itself(x: Traced) -> Traced:
    """The real part of a real tensor."""
    return x


def _refuse(name: str, x: Traced, _: Any) -> NoReturn:
    raise in_place(f"x.{name} = v", "an op that returns a new tensor")


def _attribute(name: str, get: Callable[[Traced], Any]) -> None:
    setattr(Traced, name, property(get, partial(_refuse, name)))


for _name in SAME.split():
    if hasattr(torch.Tensor, _name):
        _attribute(_name, partial(_of_the_tensor, _name))
for _name in ("grad", "grad_fn"):
    _attribute(_name, _nothing)
_attribute("data", _constant)
_attribute("real", _itself)
