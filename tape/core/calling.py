"""What a call of a primitive does: it computes on plain tensors and, where an argument is traced, records a step."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.boundary.arrays import is_array, number_of
from tape.core.boundary.autocast import as_autocast, is_autocast
from tape.core.boundary.autograd_functions import refuse_inside
from tape.core.definition import Definition
from tape.core.running import is_stood_in, stand_ins, stood_in
from tape.core.sweep import version
from tape.core.tape import MOST_CALLS, Call, Like, Recipe, Step, Tape
from tape.core.traced import Traced, box, like, raw, raw_tree
from tape.errors import TapeError

__all__ = ["caller"]

_PLAIN = {int, float, bool, str, type(None), torch.dtype, torch.device, torch.memory_format, slice}
_new = tuple.__new__  # without the detour over a named tuple's constructor
_FLOATING = {torch.float16, torch.bfloat16, torch.float32, torch.float64}


def caller(primitive: Definition) -> Callable[..., Any]:
    """The function that a call of the primitive runs.

    It is written out for the primitive's parameters, as a dataclass's `__init__` is: Python binds the arguments,
    and in the common case (one tape, tensors without a graph of torch's own, one floating-point output) a call
    costs little more than its tensor operation. Any other case is left to `_record`, which does the same for all.
    """
    names, static = primitive.positional, primitive.static
    each = "".join(_ARGUMENT.format(name=name, bit=1 << i) for i, name in enumerate(names))
    each += "".join(_STATIC.format(name=name) for name in static)

    def listed(form: str, chosen: tuple[str, ...] = names) -> str:
        return "".join(form.format(name) + ", " for name in chosen)

    source = _CALLER.format(
        parameters=_parameters(primitive.signature),
        each=each,
        arguments=listed("{}"),
        values=listed("value_{}__"),
        slots=listed("slot_{}__"),
        kept_arguments=listed("kept_{}__"),
        kept=listed("kept_{}__") + listed("{}", static),
        options=listed("{0}={0}", static),
    )
    scope: dict[str, Any] = {
        "primitive__": primitive,
        "function__": primitive.function,
        "plans__": primitive.plans,
        "defaults__": {name: p.default for name, p in primitive.signature.parameters.items()},
        "record__": _record,
        "finish__": _finish,
        "is_plain__": _is_plain,
        "version__": version,
        "new__": tuple.__new__,
        "is_autocast__": is_autocast,
        "is_grad_enabled__": torch.is_grad_enabled,
        "Like__": Like,
        "PLAIN__": _PLAIN,
        "FLOATING__": _FLOATING,
        "recipe__": _recipe,
        "Step__": Step,
        "Tensor__": Tensor,
        "Traced__": Traced,
    }
    exec(compile(source, f"<the call of {primitive.name}>", "exec"), scope)
    call: Callable[..., Any] = scope["call"]
    call.__name__ = call.__qualname__ = primitive.name
    call.__module__ = primitive.function.__module__
    return call


# All names but the parameters' own end in two underscores, so that a parameter may have any other.
_CALLER = """
def call({parameters}):
    tape__ = None
    traced__ = 0
    calls__ = 1
    while True:{each}
        if tape__ is None:
            return function__({arguments}{options})
        if not tape__.direct or not is_grad_enabled__() or is_autocast__():
            break
        ans__ = function__({values}{options})
        slots__ = [{slots}]
        plan__ = plans__.get(traced__)
        plain__ = type(ans__) is Tensor__ and ans__.dtype in FLOATING__ and not ans__.requires_grad
        if plan__ is None or not plan__.parts or not plain__:
            return finish__(primitive__, tape__, ({arguments}), [{values}], slots__, traced__, dict({options}), ans__)
        slot__ = len(tape__.likes)
        tape__.likes.append(new__(Like__, (ans__.shape, ans__.dtype, ans__.device)))
        residuals__ = plan__.residuals(({kept}ans__))
        tape__.steps.append(new__(Step__, (primitive__, plan__, slots__, slot__, residuals__, version__(residuals__))))
        if plan__.remade and tape__.remakes:
            made__ = recipe__(primitive__, ({kept_arguments}), ({values}), dict({options}), ans__, calls__)
            return Traced__(tape__, slot__, ans__, made__)
        return Traced__(tape__, slot__, ans__)
    return record__(primitive__, ({arguments}), dict({options}))
"""
_ARGUMENT = """
        if type({name}) is Traced__:
            if tape__ is None:
                tape__ = {name}.tape
            elif tape__ is not {name}.tape:
                break
            value_{name}__ = {name}.value
            if type(value_{name}__) is not Tensor__:
                break
            if {name}.recipe is None:
                kept_{name}__ = value_{name}__
            else:
                kept_{name}__ = {name}.recipe
                calls__ += {name}.recipe.calls
            slot_{name}__ = {name}.slot
            traced__ += {bit}
        elif type({name}) in PLAIN__ or is_plain__({name}):
            value_{name}__ = kept_{name}__ = {name}
            slot_{name}__ = None
        else:
            break"""
_STATIC = """
        if type({name}) not in PLAIN__ and not is_plain__({name}):
            break"""


def _parameters(signature: inspect.Signature) -> str:
    """The parameters as source; a default stands there by reference."""
    parts: list[str] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        parts.append(name if parameter.default is parameter.empty else f"{name}=defaults__[{name!r}]")
    return ", ".join(parts)


def _is_plain(x: Any) -> bool:
    """Whether there is nothing in it to record or to detach."""
    if type(x) is Tensor:
        return not x.requires_grad
    return type(x) in _PLAIN or (type(x) in (tuple, list, torch.Size) and all(map(_is_plain, x)))


def _record(primitive: Definition, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A call in any case; `args` are all positional ones and `options` all static ones."""
    leaves = tree.leaves(args)
    if stand_ins() and any(map(is_stood_in, leaves)):
        return primitive.call(*tree.map(stood_in, args), **options)
    for name, value in options.items():
        if any(type(leaf) is Traced for leaf in tree.leaves(value)):
            raise TapeError(f"{primitive.name}: its argument {name!r} is static and cannot be a traced value")
    tape: Tape | None = None
    for leaf in leaves:
        if type(leaf) is Traced and (tape is None or leaf.tape.level > tape.level):
            tape = leaf.tape
    if tape is None:
        return primitive.function(*args, **options)
    if tape.ended:
        raise TapeError(
            f"{primitive.name} got a traced value whose transformation has ended; return it from the function "
            "that is differentiated instead of keeping it"
        )
    if not torch.is_grad_enabled():  # torch.no_grad() inside a function stops its derivatives
        refuse_inside(tape)
        return primitive.function(*raw_tree(args), **options)
    if is_autocast():
        return as_autocast(primitive, args, options)
    if any(map(is_array, leaves)):
        args = tree.map(number_of, args)

    values: list[Any] = []
    slots: list[Any] = []
    traced = 0
    outer = False  # whether a value belongs to an outer level, which then records the call too
    for position, argument in enumerate(args):
        leaves, treedef = tree.flatten(argument)
        mine = [type(leaf) is Traced and leaf.tape is tape for leaf in leaves]
        stripped = [leaf.value if own else _detached(leaf) for leaf, own in zip(leaves, mine, strict=True)]
        outer = outer or any(type(leaf) is Traced for leaf in stripped)
        values.append(tree.unflatten(treedef, stripped))
        traced |= any(mine) << position
        if type(argument) is Traced:
            slots.append(argument.slot if argument.tape is tape else None)
        else:
            own_slots = [leaf.slot if own else None for leaf, own in zip(leaves, mine, strict=True)]
            slots.append(own_slots if any(mine) else None)
    ans = primitive.call(*values, **options) if outer else primitive.function(*values, **options)
    return _finish(primitive, tape, args, values, slots, traced, options, ans)


def _finish(
    primitive: Definition,
    tape: Tape,
    args: tuple[Any, ...],
    values: list[Any],
    slots: list[Any],
    traced: int,
    options: dict[str, Any],
    ans: Any,
) -> Any:
    """Records the call that gave `ans`."""
    plan = primitive.plan(traced)
    ans = _detached(ans)
    if not plan.parts:
        return ans
    output: Any
    result: Any
    if isinstance(ans, (tuple, list)):
        boxed = [box(tape, part) if _differentiable(primitive, part) else part for part in ans]
        output = tuple(part.slot if type(part) is Traced else None for part in boxed)
        if all(slot is None for slot in output):
            return ans
        result = type(ans)(*boxed) if hasattr(ans, "_fields") else type(ans)(boxed)
    elif _differentiable(primitive, ans):
        recipe = None
        if plan.remade and tape.remakes:
            kept = tuple(map(_kept, args, values))
            calls = 1 + sum(x.calls for x in kept if type(x) is Recipe)
            recipe = _recipe(primitive, kept, values, options, ans, calls)
        result = box(tape, ans, recipe)
        output = result.slot
    elif isinstance(ans, Tensor):
        return ans
    else:
        raise TapeError(f"{primitive.name} returned a {type(ans).__name__}; a primitive returns a tensor or a tuple")
    residuals = plan.residuals((*map(_kept, args, values), *options.values(), ans))
    step = Step(primitive, plan, slots, output, residuals, version(residuals))
    if tape.direct:
        tape.steps.append(step)
    else:
        tape.add(step, Call(primitive.call, primitive.positional, values, slots, options, ans))
    return result


def _differentiable(primitive: Definition, output: Any) -> bool:
    plain = raw(output)
    if not isinstance(plain, Tensor):
        return False
    if plain.is_complex():
        raise TapeError(f"{primitive.name} gave a tensor of {plain.dtype}; derivatives are of real tensors")
    return plain.is_floating_point()


def _recipe(
    primitive: Definition,
    kept: Sequence[Any],
    values: Sequence[Any],
    options: dict[str, Any],
    ans: Any,
    calls: int,
) -> Recipe | None:
    """How to make `ans` again, of arguments of which some may be recipes; None where it is kept as it is."""
    if calls > MOST_CALLS:  # begins anew, from the tensors themselves
        kept, calls = values, 1
    # A view is kept as it is, unless what it is a view of would be made again.
    if calls == 1 and _is_view(ans, values[0]):
        return None
    return _new(Recipe, (primitive, kept, options, like(ans), calls))


def _kept(argument: Any, value: Any) -> Any:
    """What a residual keeps of an argument: its recipe, if it has one on this tape."""
    if type(argument) is Traced and argument.value is value and argument.recipe is not None:
        return argument.recipe
    return value


def _detached(x: Any) -> Any:
    """A value or an output without torch's own graph, which a closed-over tensor that requires grad would start."""
    if isinstance(x, Tensor):
        return x.detach() if x.requires_grad else x
    if isinstance(x, (tuple, list)):
        detached = [_detached(part) for part in x]
        return type(x)(*detached) if hasattr(x, "_fields") else type(x)(detached)
    return x


def _is_view(x: Any, of: Any) -> bool:
    """Whether a tensor is a view of another one, and so needs no memory of its own."""
    base = raw(x)._base
    of = raw(of)
    return base is not None and isinstance(of, Tensor) and (base is of or base is of._base)
