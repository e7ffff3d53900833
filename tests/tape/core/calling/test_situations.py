"""A call that is written out for a primitive does what the general call does, in any situation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import tape
from tape.core.primitive import Primitive
from tape.core.tape import Tape
from tape.core.traced import box
from tests.tape.core.calling.recorded import recorded, recorded_in_general


class Both(NamedTuple):
    product: Any
    flags: Any


class Kind(Tensor):
    pass


def weighed(x: Any, y: Any, *, by: Any = 1.0) -> Any:
    return x * y * by


def weighed_and_kept() -> Primitive[..., Any]:
    made = tape.primitive(weighed)
    made.defvjp(x=lambda g, by: g * by, y=lambda g, by_like, ans: g * 5)
    return made


def halved(x: Any, y: Any = None) -> Any:
    return x / 2 if y is None else x / 2 + y / 2


def ruled(function: Callable[..., Any]) -> Primitive[..., Any]:
    """A primitive whose rules are not the function's derivatives: to record the function instead shows."""
    made = tape.primitive(function)
    made.defvjp(x=lambda g, x, y: g * 3, y=lambda g, x, y_like, ans: g * 5)
    return made


def returning(result: Callable[[Any, Any], Any]) -> Primitive[..., Any]:
    def made(x: Any, y: Any) -> Any:
        return result(x, y)

    return ruled(made)


def without_derivative() -> Primitive[..., Any]:
    made = tape.primitive(lambda x, y: x * y)
    made.defvjp(x=None, y=None)
    return made


def of_pairs() -> Primitive[..., Any]:
    made = tape.primitive(lambda x, y: x[0] * x[1] * y)
    made.defvjp(x=lambda g, x, y: (g * 3, g * 5), y=lambda g, ans: g * 7)
    return made


def ended(level: Tape) -> Tape:
    level.ended = True
    return level


def inference() -> Tensor:
    with torch.inference_mode():
        return torch.ones(3)


def changed() -> Tensor:
    return torch.zeros(3).add_(1).add_(1)


ones = torch.ones(3)


remade = ruled(lambda x, y: x * y)


remade.keep_recipe()


grown = torch.ones(3, requires_grad=True)


# The primitive, and its arguments on two tapes, the inner one being the second.
SITUATIONS: dict[str, tuple[Primitive[..., Any], Callable[[Tape, Tape], tuple[tuple[Any, ...], dict[str, Any]]]]] = {
    "nothing traced": (ruled(weighed), lambda o, i: ((ones, 2), {})),
    "the first argument traced": (ruled(weighed), lambda o, i: ((box(i, ones), ones), {})),
    "the second argument traced": (ruled(weighed), lambda o, i: ((ones, box(i, ones)), {})),
    "one value twice": (ruled(weighed), lambda o, i: ((box(i, ones),) * 2, {})),
    "a value after others": (ruled(weighed), lambda o, i: ((box(i, ones), [box(i, ones), box(i, ones)][1]), {})),
    "an argument of two levels": (ruled(weighed), lambda o, i: ((box(i, box(o, ones)), 2), {})),
    "an inner and an outer argument": (ruled(weighed), lambda o, i: ((box(i, ones), box(o, ones)), {})),
    "an outer and an inner argument": (ruled(weighed), lambda o, i: ((box(o, ones), box(i, ones)), {})),
    "an outer argument alone": (ruled(weighed), lambda o, i: ((box(o, ones), 2), {})),
    "an ended level": (ruled(weighed), lambda o, i: ((box(ended(i), ones), ones), {})),
    "an ended outer level": (ruled(weighed), lambda o, i: ((box(i, ones), box(ended(o), ones)), {})),
    "a tensor that requires grad": (ruled(weighed), lambda o, i: ((box(i, ones), grown), {})),
    "a tensor that requires grad first": (ruled(weighed), lambda o, i: ((grown, box(i, ones)), {})),
    "a traced tensor that requires grad": (ruled(weighed), lambda o, i: ((box(i, ones), box(i, grown)), {})),
    "a parameter": (ruled(weighed), lambda o, i: ((box(i, ones), torch.nn.Parameter(ones)), {})),
    "a tensor that requires grad alone": (ruled(weighed), lambda o, i: ((grown, 2), {})),
    "a closed-over tensor that requires grad": (
        returning(lambda x, y: x * grown),
        lambda o, i: ((box(i, ones), 2), {}),
    ),
    "a static number": (ruled(weighed), lambda o, i: ((box(i, ones), 2), {"by": 3})),
    "a static number that a rule needs": (weighed_and_kept(), lambda o, i: ((box(i, ones), box(i, ones)), {"by": 3})),
    "a static tensor": (ruled(weighed), lambda o, i: ((box(i, ones), 2), {"by": torch.full((3,), 2.0)})),
    "a static tensor that requires grad": (ruled(weighed), lambda o, i: ((box(i, ones), 2), {"by": grown})),
    "a static traced value": (ruled(weighed), lambda o, i: ((box(i, ones), 2), {"by": box(i, ones)})),
    "a static value of an outer level": (ruled(weighed), lambda o, i: ((box(i, ones), 2), {"by": box(o, ones)})),
    "a static list of traced values": (ruled(weighed), lambda o, i: ((box(i, ones), 2), {"by": [box(i, ones)]})),
    "an argument with a recipe": (ruled(weighed), lambda o, i: ((remade(box(i, ones), 2), box(i, ones)), {})),
    "a second argument with a recipe": (ruled(weighed), lambda o, i: ((box(i, ones), remade(box(i, ones), 2)), {})),
    "a recipe of a recipe": (remade, lambda o, i: ((remade(box(i, ones), 2), 2), {})),
    "an outer value with a recipe": (ruled(weighed), lambda o, i: ((box(i, remade(box(o, ones), 2)), 2), {})),
    "an output that is remade": (remade, lambda o, i: ((box(i, ones), 2), {})),
    "an argument that was changed": (ruled(weighed), lambda o, i: ((box(i, changed()), changed()), {})),
    "tensors of inference mode": (ruled(weighed), lambda o, i: ((box(i, inference()), inference()), {})),
    "half precision": (ruled(weighed), lambda o, i: ((box(i, ones.bfloat16()), ones.half()), {})),
    "a traced subclass": (ruled(weighed), lambda o, i: ((box(i, ones.as_subclass(Kind)), 2), {})),
    "a subclass that comes out": (
        returning(lambda x, y: (x * y).as_subclass(Kind)),
        lambda o, i: ((box(i, ones), 2), {}),
    ),
    "a whole-number output": (returning(lambda x, y: (x * y).long()), lambda o, i: ((box(i, ones), 2), {})),
    "a truth-valued output": (returning(lambda x, y: x > y), lambda o, i: ((box(i, ones), 2), {})),
    "a complex output": (returning(lambda x, y: x * 1j), lambda o, i: ((box(i, ones), 2), {})),
    "an output that is no tensor": (returning(lambda x, y: 3.0), lambda o, i: ((box(i, ones), 2), {})),
    "several outputs": (returning(lambda x, y: (x * y, x > y, [])), lambda o, i: ((box(i, ones), 2), {})),
    "a list of outputs": (returning(lambda x, y: [x * y, y]), lambda o, i: ((box(i, ones), 2), {})),
    "named outputs": (returning(lambda x, y: Both(x * y, x > y)), lambda o, i: ((box(i, ones), 2), {})),
    "several whole-number outputs": (returning(lambda x, y: (x > y, y)), lambda o, i: ((box(i, ones), 2), {})),
    "several outputs of two levels": (
        returning(lambda x, y: Both(x * y, x > 1)),
        lambda o, i: ((box(i, ones), box(o, ones)), {}),
    ),
    "a closed-over tensor that requires grad in several outputs": (
        returning(lambda x, y: Both(x * grown, [grown])),
        lambda o, i: ((box(i, ones), 2), {}),
    ),
    "an argument that may be left out": (ruled(halved), lambda o, i: ((box(i, ones),), {})),
    "an argument by its name": (ruled(halved), lambda o, i: ((box(i, ones),), {"y": box(i, ones)})),
    "arguments without derivative": (without_derivative(), lambda o, i: ((box(i, ones), box(i, ones)), {})),
    "an argument without a rule": (tape.primitive(lambda x: x * 2), lambda o, i: ((box(i, ones),), {})),
    "a pair": (of_pairs(), lambda o, i: (((box(i, ones), ones), 2.0), {})),
    "a pair of plain tensors": (of_pairs(), lambda o, i: (([ones, ones], box(i, ones)), {})),
    "a pair with a tensor that requires grad": (of_pairs(), lambda o, i: (([ones, grown], box(i, ones)), {})),
    "a pair of two levels": (of_pairs(), lambda o, i: (((box(i, ones), box(o, ones)), box(i, ones)), {})),
    "a pair of an outer level": (of_pairs(), lambda o, i: (([box(o, ones), ones], box(i, ones)), {})),
    "a pair of an inner level": (of_pairs(), lambda o, i: (([ones, box(i, ones)], box(o, ones)), {})),
    "a pair of an ended level": (of_pairs(), lambda o, i: (([ones, box(ended(i), ones)], box(o, ones)), {})),
}


@pytest.mark.parametrize("switched_off", [False, True])
@pytest.mark.parametrize("name", SITUATIONS)
def test_in_any_situation_it_does_what_the_general_call_does(name: str, switched_off: bool) -> None:
    primitive, situation = SITUATIONS[name]
    ways: list[Callable[..., str]] = [recorded, recorded, recorded_in_general]
    told = []
    for way in ways:  # what is worked out at the first call is at hand at the second
        tapes = [Tape(), Tape()]
        args, kwargs = situation(*tapes)
        with torch.set_grad_enabled(not switched_off):
            told.append(way(primitive, tapes, args, kwargs))
    assert told == [told[-1]] * 3
