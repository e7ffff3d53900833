"""Every TapeError that the engine can raise, and what it prints.

One case for each place in the source that makes one; a place without a case, or a message that has changed, fails.
"""

import ast
import copy
import operator
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tape
from tape import TapeError, checkpoint, custom_vjp, grad, hvp, jacrev, jvp, primitive, vjp
from tape.core.domain import case, real
from tape.core.registry import op

X = torch.tensor([0.5, -1.0, 2.0])


def kept(x: Tensor) -> Any:
    """A traced value that has escaped from its transformation."""
    escaped: list[Any] = []
    grad(lambda x: (escaped.append(x), x.sum())[1])(x)
    return escaped[0]


def tripled(x: Any, by: float = 3.0, *, mode: Any = None) -> Any:
    return x * by


def ruled(rule: Any, function: Callable[..., Any] = tripled, **rules: Any) -> Callable[[], Any]:
    """The gradient of a primitive with a certain rule for its argument x."""

    def differentiate() -> Any:
        made = primitive(function)
        made.defvjp(x=rule, **rules)
        return grad(lambda x: made(x).sum())(X)

    return differentiate


@primitive
def several(xs: Any) -> Any:
    return xs[0] + xs[1]


several.defvjp(xs=lambda g: (g,))


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2


def mse_loss(x: Any) -> Any:
    """A function of torch's that only a package beside this one implements."""
    return torch.overrides.handle_torch_function(mse_loss, (x,), x)


def without_nn(f: Callable[[], Any]) -> Any:
    imported = sys.modules.pop("nn", None)
    try:
        return f()
    finally:
        if imported is not None:
            sys.modules["nn"] = imported


def changed_in_place() -> Any:
    x = X.clone()
    _, pullback = vjp(torch.sin, x)
    x.add_(1)
    return pullback(X)


def used_twice() -> Any:
    _, pullback = vjp(torch.sin, X, keep=False)
    return [pullback(X), pullback(X)]


def impure(*results: Callable[[Any, Any], Any]) -> Any:
    """A checkpoint that computes another thing each time."""
    runs = iter(results)
    _, pullback = vjp(lambda x, y: checkpoint(lambda x: next(runs)(x, y))(x), X, X)
    return pullback(X)


def with_rule(fwd: Any, bwd: Any) -> Any:
    times = custom_vjp(tripled)
    times.defvjp(fwd, bwd)
    return grad(lambda x: times(x).sum())(X)


def no_position() -> Any:
    def two(x: Any, y: Any) -> Any:
        return x

    return grad(lambda y: custom_vjp(two, nondiff_argnums=(1,))(X, y).sum())(X)


def not_finite() -> Any:
    with tape.require_finite():
        return grad(lambda x: (x / 0).sum())(X)


def marked(x: Any) -> Any:
    marks = torch.zeros(3)
    marks[x > 0] = 1.0
    return x * marks


def changed_constant() -> Any:
    constant = X.clone()
    program = tape.trace(lambda x: x * constant)(X)
    constant.add_(1)
    return program(X)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = self.other = nn.Linear(1, 1)


def registered_twice() -> Any:
    def sine(x: Any) -> Any:
        return x

    sine.__name__ = "sin"
    return op(case(real(3)))(sine)


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "parameters by star": (
        lambda: primitive(lambda *xs: xs[0]),
        "<lambda>: a primitive cannot take *xs; take one tuple of tensors, and name every keyword",
    ),
    "parameter called g": (
        lambda: primitive(lambda g: g),
        "<lambda>: a primitive cannot have a parameter 'g'; in a rule that is the cotangent",
    ),
    "parameter called ans": (
        lambda: primitive(lambda x, ans: x),
        "<lambda>: a primitive cannot have a parameter 'ans'; in a rule that is the output",
    ),
    "rule for a static argument": (
        lambda: primitive(tripled).defvjp(mode=None),
        "tripled.defvjp: 'mode' is keyword-only, so static of tripled(x: Any, by: float = 3.0, *, mode: Any ="
        " None) -> Any",
    ),
    "rule for no argument": (
        lambda: primitive(tripled).defvjp(z=None),
        "tripled.defvjp: 'z' is not a parameter of tripled(x: Any, by: float = 3.0, *, mode: Any = None) -> Any",
    ),
    "rule that asks for too much": (
        lambda: primitive(tripled).defvjp(x=lambda g, z: g),
        "tripled.defvjp: the rule for 'x' asks for 'z'; a rule may take g, ans, and the parameters of "
        "tripled(x: Any, by: float = 3.0, *, mode: Any = None) -> Any, with _like or without",
    ),
    "no rule for an argument": (
        lambda: grad(lambda x: primitive(tripled)(x).sum())(X),
        "tripled has no rule for its argument 'x'; add tripled.defvjp(x=...), with None if the derivative is zero",
    ),
    "rule that returns nothing": (
        ruled(lambda g: None),
        "the rule of tripled for its argument 'x' returned None where a cotangent of shape (3,) is due",
    ),
    "rule that returns another shape": (
        ruled(lambda g: g[:2]),
        "the rule of tripled for its argument 'x' returned a cotangent of shape (2,) and torch.float32; the "
        "argument has shape (3,) and torch.float32",
    ),
    "rule that returns another dtype": (
        ruled(lambda g: g.double()),
        "the rule of tripled for its argument 'x' returned a cotangent of shape (3,) and torch.float64; the "
        "argument has shape (3,) and torch.float32",
    ),
    "rule that returns too few": (
        lambda: grad(lambda x: several((x, x)).sum())(X),
        "the rule of several for its argument 'xs' returned 1 cotangents for an argument of 2 leaves",
    ),
    "static traced value": (
        lambda: grad(lambda x: primitive(tripled)(x, mode=x).sum())(X),
        "tripled: its argument 'mode' is static and cannot be a traced value",
    ),
    "primitive that returns no tensor": (
        ruled(lambda g: g, lambda x: 2),
        "<lambda> returned a int; a primitive returns a tensor or a tuple",
    ),
    "primitive that returns a complex tensor": (
        ruled(lambda g: g, lambda x: x * 1j),
        "<lambda> gave a tensor of torch.complex64; derivatives are of real tensors",
    ),
    "number read off": (
        lambda: grad(lambda x: x.sum() * float(x[0]))(X),
        "float(x) of a traced value has no derivative, and what is computed from it would be a constant: compute with "
        "torch's functions on the tensor itself (torch.exp(x) for math.exp(x)), or write tape.stop_gradient(x).item() "
        "for a constant; to compare, to branch and to print f'{x:.3f}' need no float()",
    ),
    "function of torch's autograd": (
        lambda: grad(lambda x: Doubled.apply(x).sum())(X),
        "Doubled.apply is differentiated by torch's own autograd: the derivative of a traced value would be lost; "
        "write the function with @tape.custom_vjp and .defvjp(forward, backward), or a straight-through estimator as "
        "x + tape.stop_gradient(f(x) - x)",
    ),
    "reentrant checkpoint": (
        lambda: grad(lambda x: torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=True).sum())(X),
        "torch.utils.checkpoint in its reentrant form is differentiated by torch's own autograd: the derivative of a "
        "traced value would be lost; write tape.checkpoint(f)(x) in place of checkpoint(f, x)",
    ),
    "torch's own autograd": (
        lambda: grad(lambda x: x.sum().backward())(X),
        "Tensor.backward has no derivative rule: torch's own autograd knows nothing of traced values; write "
        "tape.grad(f)(x), tape.value_and_grad or tape.vjp, which nest",
    ),
    "rule of a package that is not imported": (
        lambda: without_nn(lambda: grad(lambda x: mse_loss(x))(X)),
        "mse_loss has no derivative rule as long as the package nn, which has one, is not imported: write import nn",
    ),
    "distinct values": (
        lambda: grad(lambda x: torch.unique(x).sum())(X),
        "torch.unique of a traced value has no derivative; write it of tape.stop_gradient(x), where its numbers are "
        "constants, and index x for those with a derivative",
    ),
    "ended value in an op": (
        lambda: torch.sin(kept(X)),
        "sin got a traced value whose transformation has ended; return it from the function that is "
        "differentiated instead of keeping it",
    ),
    "ended value returned": (
        lambda: vjp(lambda x: kept(X), X),
        "the function returned a traced value whose transformation has ended; return it from the function "
        "that is differentiated instead of keeping it",
    ),
    "ended value in a checkpoint": (
        lambda: checkpoint(torch.sin)(kept(X)),
        "checkpoint of sin got a traced value whose transformation has ended; return it from the function "
        "that is differentiated instead of keeping it",
    ),
    "residual changed in place": (
        changed_in_place,
        "a tensor that the derivative of sin needs was changed in place after it was recorded; change a clone"
        " of it instead",
    ),
    "numpy": (
        lambda: vjp(lambda x: x.__array__(), X),
        "a traced value cannot become a numpy array: its derivative would be lost; write "
        "tape.stop_gradient(x).numpy() where no derivative is wanted",
    ),
    "copying": (
        lambda: vjp(copy.copy, X),
        "a traced value cannot be pickled or copied by the copy module: its derivative would be lost; write "
        "x.clone() for a copy with a derivative, tape.stop_gradient(x) for one without",
    ),
    "keyword that is not supported": (
        lambda: vjp(lambda x: x.sum(foo=1), X),
        "sum does not support foo=1 on a traced value",
    ),
    "op without a rule": (
        lambda: vjp(torch.angle, X),
        "torch.angle has no derivative rule: write it as a function of ops that have one and register it with"
        " @tape.implements(...), or define a primitive: @tape.primitive and .defvjp(...)",
    ),
    "in-place method": (
        lambda: vjp(lambda x: x.add_(1), X),
        "Tensor.add_ changes a tensor in place, which is not recorded; write x = x.add(...) instead",
    ),
    "in-place method without a kin": (
        lambda: vjp(lambda x: x.zero_(), X),
        "Tensor.zero_ changes a tensor in place, which is not recorded; write an op that returns a new tensor instead",
    ),
    "in-place function": (
        lambda: vjp(torch.relu_, X),
        "torch.relu_ changes a tensor in place, which is not recorded; write the function without the "
        "underscore instead",
    ),
    "in-place operator": (
        lambda: vjp(lambda x: operator.iadd(x, 1), X),
        "x += y changes a tensor in place, which is not recorded; write x = x + y instead",
    ),
    "item assignment": (
        lambda: vjp(lambda x: operator.setitem(x, 0, 1.0), X),
        "x[...] = v changes a tensor in place, which is not recorded; write torch.where(mask, v, x) or "
        "torch.index_put(x, indices, v) instead",
    ),
    "item assignment into a tensor": (
        lambda: vjp(lambda x: operator.setitem(torch.zeros(3), 0, x[0]), X),
        "assigning a traced value changes a tensor in place, which is not recorded; write torch.where, "
        "torch.cat or torch.index_put instead",
    ),
    "out argument": (
        lambda: vjp(lambda x: torch.sin(x, out=torch.zeros(3)), X),
        "sin(..., out=) changes a tensor in place, which is not recorded; write y = sin(...) instead",
    ),
    "gradient of no number": (
        lambda: grad(torch.sin)(X),
        "grad needs a function with a 0-d floating-point result; this one returned a tensor of shape (3,) and"
        " torch.float32; reduce it with sum() or mean(), or use vjp",
    ),
    "gradient of no tensor": (
        lambda: grad(lambda x: [x])(X),
        "grad needs a function that returns a 0-d tensor; this one returned a list",
    ),
    "gradient of an integer": (
        lambda: grad(lambda p: p["n"].sum())({"n": torch.tensor(2)}),
        "argument 0 at n is a tensor of torch.int64, which has no gradient; convert it with .float(), or pass"
        " it as an argument outside argnums",
    ),
    "derivative of a complex tensor": (
        lambda: vjp(torch.sin, X * 1j),
        "primal 0 is a tensor of torch.complex64 and torch.strided; derivatives are of dense real tensors: "
        "pass x.to_dense(), or the real and the imaginary part",
    ),
    "aux that is no pair": (
        lambda: grad(torch.sum, has_aux=True)(X),
        "with has_aux=True the function returns a pair (out, aux), not a tensor of shape ()",
    ),
    "pullback used twice": (
        used_twice,
        "this pullback was made with keep=False and has been used; call vjp with keep=True",
    ),
    "cotangent of another shape": (
        lambda: vjp(torch.sin, X)[1](X[:2]),
        "the cotangent has shape (2,) and torch.float32 on cpu; the output has shape (3,) and torch.float32 on cpu",
    ),
    "cotangent that is no tensor": (
        lambda: vjp(lambda x: {"y": x}, X)[1]({"y": 1.0}),
        "the cotangent of output y is 1.0; it must be a tensor of shape (3,)",
    ),
    "cotangent of another structure": (
        lambda: vjp(lambda x: {"y": x}, X)[1]({"z": X}),
        "the cotangent has another structure than the output: it lacks y and has z besides",
    ),
    "cotangent of an integer": (
        lambda: vjp(torch.argmax, X)[1](torch.tensor(1)),
        "the cotangent is a tensor of shape (); the output is no floating-point tensor, so it must be None",
    ),
    "tangent of another dtype": (
        lambda: jvp(torch.sin, (X,), (X.double(),)),
        "the tangent of primal 0 has shape (3,) and torch.float64 on cpu; the primal has shape (3,) and "
        "torch.float32 on cpu",
    ),
    "hvp of an integer": (
        lambda: hvp(lambda n: n, (torch.tensor(2),), (None,)),
        "hvp: primal 0 is a tensor of torch.int64, which has no gradient; convert it with .float(), or let "
        "the function close over it",
    ),
    "jacobian of an integer": (
        lambda: jacrev(lambda x: {"y": x, "n": x.argmax()})(X),
        "jacrev: the output n is a tensor of torch.int64, which has no derivative; leave it out, or return it"
        " beside the output with has_aux=True",
    ),
    "loss of a microbatch that is no number": (
        lambda: grad(lambda w: tape.microbatch(torch.mul, 2)(w, X))(X[0]),
        "microbatch: the loss returned a tensor of shape (2,); its result must be 0-d",
    ),
    "checkpoint that uses other values": (
        lambda: impure(lambda x, y: x, lambda x, y: x * y),
        "checkpoint of <lambda>: its second run uses a traced value that the first did not; make it pure",
    ),
    "checkpoint that returns another shape": (
        lambda: impure(lambda x, y: x, lambda x, y: x[:2]),
        "checkpoint of <lambda>: its second run returned tensors of other shapes than the first; make it pure",
    ),
    "custom function that closes over a value": (
        lambda: grad(lambda x: custom_vjp(lambda y: y * x)(X).sum())(X),
        "custom_vjp <lambda> uses a traced value that is not among its arguments, whose derivative would be "
        "lost; pass it as an argument",
    ),
    "custom function without a rule": (
        lambda: grad(lambda x: custom_vjp(tripled)(x).sum())(X),
        "custom_vjp tripled has no derivative yet; give it one with .defvjp(fwd, bwd)",
    ),
    "custom fwd that returns no pair": (
        lambda: with_rule(lambda x, by, mode=None: x, lambda kept, g: (g, None)),
        "custom_vjp tripled: fwd must return a pair (out, residuals), not a tensor of shape (3,)",
    ),
    "custom bwd that returns too few": (
        lambda: with_rule(lambda x, by: (x, None), lambda kept, g: (g,)),
        "custom_vjp tripled: bwd must return a tuple of 2, one cotangent for each differentiable argument, "
        "not a tuple of 1",
    ),
    "custom bwd that returns another shape": (
        lambda: with_rule(lambda x, by: (x, None), lambda kept, g: (g[:2], None)),
        "custom_vjp tripled: the cotangent of argument 'x' has shape (2,) and torch.float32 on cpu; the "
        "argument has shape (3,) and torch.float32 on cpu",
    ),
    "traced value among nondiff_argnums": (
        no_position,
        "custom_vjp two: argument 'y' is among nondiff_argnums and holds a traced value, whose derivative "
        "would be lost; take it out of nondiff_argnums, or pass tape.stop_gradient of it",
    ),
    "module without such a parameter": (
        lambda: tape.functional_call(nn.Linear(1, 1), {"wieght": X}, X),
        "functional_call: Linear has no parameter or buffer 'wieght'; it has weight, bias",
    ),
    "module with a tied parameter": (
        lambda: tape.functional_call(Tied(), {"one.bias": X, "other.bias": X + 1}, X),
        "functional_call: 'one.bias' and 'other.bias' are one tensor of the module but have two values here; "
        "give one of them",
    ),
    "recurrent module": (
        lambda: tape.functional_call(nn.LSTM(1, 1), {"bias_hh_l0": X}, X),
        "functional_call: LSTM keeps copies of its parameters, which cannot be exchanged; write the "
        "recurrence as a loop of torch operations",
    ),
    "number that is not finite": (
        not_finite,
        "divide made 2 inf and 1 -inf among 3 numbers\n  at test_errors.py:#  return grad(lambda x: (x / 0).sum())(X)\n"
        "  x: float32[3], from -1 to 2\n  y: 0",
    ),
    "program with a change in place": (
        lambda: tape.trace(marked)(X)(X),
        "this program cannot run again: setitem changes in place a tensor that depends on the arguments, at "
        "test_errors.py:#  marks[x > 0] = 1.0",
    ),
    "program whose constant has changed": (
        changed_constant,
        "a constant that multiply uses was changed in place after it was traced; trace again",
    ),
    "program called with another structure": (
        lambda: tape.trace(lambda p: p["x"] * 2)({"x": X})([X]),
        "the program was traced with arguments PyTreeSpec(({'x': *},), namespace='tape') and got "
        "PyTreeSpec(([*],), namespace='tape')",
    ),
    "program called with another shape": (
        lambda: tape.trace(torch.sin)(X)(X[:2]),
        "argument 0 was %0 float32[3] when the program was traced; trace again",
    ),
    "program called with another constant": (
        lambda: tape.trace(lambda x, name: x * 2)(X, "one")(X, "other"),
        "argument 1 is a constant of the program and has another value; trace again",
    ),
    "registration without a domain": (
        lambda: op(()),
        "a registered primitive needs a domain, one or more cases; got ()",
    ),
    "registration of a name that is taken": (
        registered_twice,
        "a primitive of the name 'sin' is registered already",
    ),
    "registration without a convention": (
        lambda: op(case(real(3, kinks=(0.0,))))(tripled),
        "tripled: its domain keeps away from kinks or ties (kinks=, distinct=True), so declare the derivative"
        " at one of them: case(...).at(<arguments>, gives=<derivative>)",
    ),
}


def printed(error: TapeError) -> str:
    """The message, with the lines of this file without the number and the way there."""
    return re.sub(r"\S*test_errors\.py:\d+", "test_errors.py:#", str(error))


@pytest.mark.parametrize("name", CASES)
def test_what_it_prints(name: str) -> None:
    run, message = CASES[name]
    with pytest.raises(TapeError) as caught:
        run()
    assert printed(caught.value) == message
    assert "Traced" not in message


@pytest.mark.parametrize("name", CASES)
def test_it_prints_the_same_at_any_level(name: str) -> None:
    """What is said of a value does not show how many transformations trace it."""
    run, message = CASES[name]
    outer: Callable[[Any], Any] = lambda x: (run(), x.sum())[1]
    for _ in range(3):
        outer = (lambda inner: lambda x: grad(inner)(x).sum())(outer)
    with pytest.raises(TapeError) as caught:
        outer(X)
    assert printed(caught.value) == message


def test_values_of_nested_levels_do_not_leak_into_messages() -> None:
    """Each mistake made with a value that three levels trace."""
    mistakes: list[Callable[[Any], Any]] = [
        lambda x: x.add_(x),
        lambda x: torch.angle(x),
        lambda x: x.sum(foo=x),
        lambda x: x.numpy(),
        lambda x: vjp(torch.sin, x)[1](x[:2]),
        lambda x: vjp(torch.sin, x)[1]([x]),
        lambda x: vjp(torch.sin, x)[1]({"a": x}),
        lambda x: jvp(torch.sin, (x,), (x[:2],)),
        lambda x: jvp(torch.sin, (x,), ([x],)),
        lambda x: grad(lambda y: y * x)(x),
        lambda x: grad(lambda y: (y, x))(x),
        lambda x: grad(lambda y: [x], has_aux=True)(x),
        lambda x: grad(lambda y: y.sum())(x.argmax()),
        lambda x: hvp(lambda y: y, (x,), (x,)),
        lambda x: jacrev(lambda y: (y, {"x": (x > 0)}))(x),
        lambda x: custom_vjp(lambda y: y * x)(x),
        lambda x: custom_vjp(lambda y, z: y, nondiff_argnums=(1,))(x, [x]),
        lambda x: tape.functional_call(nn.Linear(1, 1), {"w": x}, x),
        lambda x: tape.microbatch(lambda y, z: y, 1)(x, x),
        lambda x: vjp(checkpoint(torch.sin), x)[1]((x, x)),
    ]
    for mistake in mistakes:
        f: Callable[[Any], Any] = lambda x, mistake=mistake: (mistake(x), x.sum())[1]
        for _ in range(3):
            f = (lambda inner: lambda x: grad(inner)(x).sum())(f)
        with pytest.raises((TapeError, TypeError)) as caught:
            f(X)
        assert "Traced" not in str(caught.value), caught.value


def test_a_traced_value_prints_as_one_box_at_any_level() -> None:
    shown: list[str] = []
    f: Callable[[Any], Any] = lambda x: (shown.extend([repr(x), str([x]), f"{x}"]), x.sum())[1]
    grad(lambda x: grad(lambda x: grad(f)(x).sum())(x).sum())(X)
    assert all("Traced(Traced" not in text for text in shown)
    assert shown[0] == "Traced(tensor([ 0.5000, -1.0000,  2.0000]))"


def _made(path: Path) -> list[tuple[int, int]]:
    """The lines of each place in a file that makes a TapeError."""
    return [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "TapeError"
    ]


def test_every_place_that_makes_one_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[tuple[Path, int]] = set()

    def noticed(self: TapeError, *args: Any) -> None:
        frame = sys._getframe(1)
        seen.add((Path(frame.f_code.co_filename).resolve(), frame.f_lineno))
        RuntimeError.__init__(self, *args)

    monkeypatch.setattr(TapeError, "__init__", noticed)
    for run, _ in CASES.values():
        with pytest.raises(TapeError):
            run()
    package = Path(tape.__file__).resolve().parent
    files = [path for path in package.rglob("*.py") if "verify" not in path.parts]
    missed = [
        f"{path.relative_to(package)}:{first}"
        for path in files
        for first, last in _made(path)
        if not any(where == path and first <= line <= last for where, line in seen)
    ]
    assert not missed
