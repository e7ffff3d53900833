"""All that a call has recorded, as plain data that can be compared."""

from typing import Any

from torch import Tensor

import tape
from tape.core.calling import _record
from tape.core.primitive import Primitive
from tape.core.tape import Tape
from tape.core.traced import Traced


def described(tapes: list[Tape], result: Any) -> str:
    """All that was recorded and came out, as plain data."""

    def plain(x: Any) -> Any:
        if type(x) is Traced:
            return "traced", tapes.index(x.tape), x.slot, plain(x.value), tape.tree.map(plain, x.recipe)
        if isinstance(x, Tensor):
            return type(x).__name__, x.dtype, x.requires_grad, x.is_inference(), x.tolist()
        return x

    steps = [
        (s.primitive.name, id(s.plan), s.inputs, s.output, tape.tree.map(plain, s.residuals), s.version)
        for each in tapes
        for s in each.steps
    ]
    return str((steps, [each.likes for each in tapes], tape.tree.map(plain, result)))


def recorded(primitive: Primitive[..., Any], tapes: list[Tape], args: Any, kwargs: Any) -> str:
    try:
        return described(tapes, primitive(*args, **kwargs))
    except tape.TapeError as error:
        return str(error)


def recorded_in_general(primitive: Primitive[..., Any], tapes: list[Tape], args: Any, kwargs: Any) -> str:
    bound = primitive.signature.bind(*args, **kwargs)
    bound.apply_defaults()
    positional = tuple(bound.arguments[name] for name in primitive.positional)
    static = {name: bound.arguments[name] for name in primitive.static}
    try:
        return described(tapes, _record(primitive, positional, static))
    except tape.TapeError as error:
        return str(error)
