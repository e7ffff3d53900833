"""A call that is written out for a primitive does what the call of any case does."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from torch import Tensor

import tape
from tape.core.calling import _record, caller
from tape.core.primitive import Primitive
from tape.core.registry import registry
from tape.core.running import standing_in
from tape.core.tape import Tape
from tape.core.traced import Traced, box
from tape.verify.drawing import Call, calls


def test_it_has_the_primitives_parameters_and_defaults() -> None:
    def scaled(x: Tensor, factor: float = 2.0, *, by: float = 3.0) -> Tensor:
        return x * factor * by

    call = caller(Primitive(scaled))
    assert (call.__name__, call.__module__) == ("scaled", __name__)
    assert call.__code__.co_filename == "<the call of scaled>"  # in a traceback
    assert call(torch.ones(())) == 6
    assert call(factor=1.0, x=torch.ones(())) == 3
    assert call(torch.ones(()), 1.0, by=1.0) == 1


@pytest.mark.parametrize(
    "name", ["tape", "plan", "slots", "value_x", "Traced", "record", "function", "primitive", "Like", "ans_"]
)
def test_a_parameter_may_have_any_name(name: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def doubled({name}):\n    return {name} * 2", scope)
    doubled = tape.primitive(scope["doubled"])
    doubled.defvjp(**{name: lambda g: g * 2})
    assert tape.grad(doubled)(torch.ones(())) == 2


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


def boxed(call: Call) -> tuple[Tape, Any, Any]:
    """The call's arguments with every tensor that may be recorded on one tape."""
    recorder = Tape()

    def recorded_leaf(x: Any) -> Any:
        return box(recorder, x) if isinstance(x, Tensor) and x.is_floating_point() else x

    return recorder, tape.tree.map(recorded_leaf, call.args), call.kwargs


@pytest.mark.parametrize("name", sorted(registry))
def test_it_records_what_the_general_call_records(name: str) -> None:
    primitive, domain = registry[name]

    @settings(
        max_examples=10,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(calls(domain))
    def compare(call: Call) -> None:
        recorder, args, kwargs = boxed(call)
        written_out = recorded(primitive, [recorder], args, kwargs)
        recorder, args, kwargs = boxed(call)
        assert written_out == recorded_in_general(primitive, [recorder], args, kwargs)

    compare()


@pytest.mark.parametrize(
    ("other", "by", "asked"),
    [(2, 3.0, []), (None, None, []), (ones, 3.0, ["_is_plain"]), ((2, ones), ones, ["_is_plain"] * 4)],
)
def test_the_common_case_is_not_left_to_the_general_call(other: Any, by: Any, asked: list[str]) -> None:
    """It would give the same and take longer."""
    plainly = tape.primitive(lambda x, y, *, by: x * 2)
    plainly.defvjp(x=lambda g: g * 2)
    x = box(Tape(), ones)
    plainly(x, other, by=by)
    names: list[str] = []
    sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name) if event == "call" else None)
    try:
        plainly(x, other, by=by)
    finally:
        sys.setprofile(None)
    assert not {"_record", "_finish"} & set(names)
    assert [name for name in names if name == "_is_plain"] == asked


@pytest.mark.parametrize("other", [(), (2,)])
def test_an_outer_level_derives_by_the_primitives_own_rule_too(other: tuple[Any, ...]) -> None:
    doubled = tape.primitive(lambda x, y=1: x * 2)
    doubled.defvjp(x=lambda g: g * 5)
    joined = tape.primitive(lambda xs: xs[0] * 2)
    joined.defvjp(xs=lambda g, xs: [g * 5, *xs[1:]])
    for f in (lambda x: doubled(x, *other), lambda x: joined([x, *other])):
        assert tape.grad(lambda x, f=f: tape.value_and_grad(f)(x)[0])(torch.ones(())) == 5


def test_an_outer_values_recipe_does_not_stand_for_it_at_an_inner_level() -> None:
    def f(x: Any) -> Any:
        large = x.expand(4, 3)
        return tape.grad(lambda y: (y * large).sum())(torch.ones(4, 3)).square().sum()

    assert tape.grad(f)(ones).equal(8 * ones)


def test_a_value_that_something_stands_in_for_is_replaced() -> None:
    recorder, other = Tape(), Tape()
    x, y = box(recorder, torch.ones(2)), box(other, torch.zeros(2))
    with standing_in({recorder: lambda x: box(other, x.value * 3)}):
        results = [torch.sin(x), x + y, torch.cat([y, x]), torch.sum(x, dim=0)]
    assert [result.tape for result in results] == [other] * 4
    assert [tape.core.traced.raw(result).tolist() for result in results[1:]] == [[3, 3], [0, 0, 3, 3], 6]
    assert not recorder.steps
    assert (x + 1).tape is recorder


def test_a_view_is_kept_as_it_is_and_a_copy_as_a_recipe() -> None:
    permute, reshape = (caller(registry[name][0]) for name in ("permute", "reshape"))
    x = box(Tape(), torch.ones(2, 3))
    assert permute(x, (1, 0)).recipe is None
    assert reshape(permute(x, (1, 0)), (6,)).recipe is not None


def test_an_outer_levels_recipe_does_not_stand_for_its_value_at_an_inner_level() -> None:
    def inner(x: Any) -> Any:
        repeated = x.repeat_interleave(3)
        return tape.grad(lambda z: (z * repeated).sum())(torch.ones(6)).sum()

    assert tape.grad(inner)(torch.ones(2)).tolist() == [3.0, 3.0]


def test_a_primitive_may_have_static_parameters_alone() -> None:
    @tape.primitive
    def filled(*, value: float) -> Tensor:
        return torch.full((2,), value)

    assert filled(value=3.0).tolist() == [3.0, 3.0]
