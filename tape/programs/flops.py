"""The arithmetic of a step, as an estimate: a table of counts beside the ops, which know nothing of it.

A multiplication, an addition and an evaluation of an elementary function count one each. A product of matrices
counts two per multiplication that it needs; an elementwise op one per output number, and so does every op that is not
in the table; a reduction one per input number, a sort and a scan as many as a simple algorithm would need; what only
moves numbers counts nothing. A step that stands for a whole function counts nothing either, for what it does inside is
not seen.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from tape import tree
from tape.core.tape import Like
from tape.core.traced import raw

__all__ = ["flops"]

_Shapes = list[tuple[int, ...]]


def _moves(inputs: _Shapes, outputs: _Shapes) -> int:
    return 0


def _per_input(inputs: _Shapes, outputs: _Shapes) -> int:
    return math.prod(inputs[0])


def _per_output(inputs: _Shapes, outputs: _Shapes) -> int:
    return math.prod(outputs[0]) if outputs else 0


def _per_source(inputs: _Shapes, outputs: _Shapes) -> int:
    """What is added somewhere: the last argument."""
    return math.prod(inputs[-1])


def _matmul(inputs: _Shapes, outputs: _Shapes) -> int:
    return 2 * math.prod(outputs[0]) * inputs[0][-1]


def _sort(inputs: _Shapes, outputs: _Shapes) -> int:
    count = math.prod(inputs[0])
    return count * max(math.ceil(math.log2(max(count, 1))), 0)


def _cholesky(inputs: _Shapes, outputs: _Shapes) -> int:
    *batch, n, _ = inputs[0]
    return math.prod(batch) * n**3 // 3


def _factor(inputs: _Shapes, outputs: _Shapes) -> int:
    *batch, n, _ = inputs[0]
    return math.prod(batch) * 2 * n**3 // 3


def _solve(inputs: _Shapes, outputs: _Shapes) -> int:
    return _factor(inputs, outputs) + 2 * math.prod(outputs[0]) * inputs[0][-1]


def _to_basis(inputs: _Shapes, outputs: _Shapes) -> int:
    """A product with a square matrix, of which the first size is the number of rows."""
    return 2 * outputs[0][0] * math.prod(outputs[0])


def _from_basis(inputs: _Shapes, outputs: _Shapes) -> int:
    return _to_basis(outputs, inputs)


def _multiply_changed(inputs: _Shapes, outputs: _Shapes) -> int:
    """The kernels in another basis, and a product at each place."""
    (places, _, channels), kernels = inputs
    return 2 * places * math.prod(kernels) + 2 * math.prod(outputs[0]) * channels


def _sum_changed(inputs: _Shapes, outputs: _Shapes) -> int:
    return _multiply_changed([inputs[0], outputs[0]], [inputs[1]])


_MOVING = (
    "reshape permute expand flip roll tril triu convert clone contiguous cat stack split_with_sizes unbind index "
    "index_select gather put where scatter_into_zeros scatter_from pad_constant unfold windows repeat_interleave "
    "repeat_pixels spread_taps patch_columns interleave separate detach view unsqueeze squeeze getitem T mT to bool "
    "int long float double"
)
_REDUCING = (
    "sum mean amax amin cumsum logsumexp max_along min_along median_of_all fold add_windows add_columns sum_taps "
    "max_taps sum_pixels argmax argmin any all count_nonzero"
)
_COUNTS: dict[str, Callable[[_Shapes, _Shapes], int]] = {
    **dict.fromkeys(_MOVING.split(), _moves),
    **dict.fromkeys(_REDUCING.split(), _per_input),
    **dict.fromkeys(("index_add", "scatter_add"), _per_source),
    **dict.fromkeys(("sort", "topk", "argsort"), _sort),
    "change_windows": _to_basis,
    "add_changed_windows": _from_basis,
    "multiply_changed": _multiply_changed,
    "sum_changed": _sum_changed,
    "matmul": _matmul,
    "narrow_matmul": _matmul,
    "solve_matrix": _solve,
    "cholesky_factor": _cholesky,
    "slogdet": _factor,
}


def flops(op: str, args: Any, outputs: Sequence[Like]) -> int:
    """About how many operations on numbers a call of an op does, given its arguments and what its outputs are like.

    >>> import torch
    >>> flops("matmul", (torch.ones(5, 2, 3), torch.ones(3, 4)), [Like(torch.Size([5, 2, 4]), torch.float32, "cpu")])
    240
    """
    shapes = [tuple(raw(x).shape) for x in tree.leaves(args) if isinstance(raw(x), Tensor)]
    return _COUNTS.get(op, _per_output)(shapes, [tuple(like.shape) for like in outputs])
