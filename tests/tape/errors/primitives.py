"""Mistakes in what a primitive is made of, and in what it returns."""

from collections.abc import Callable
from typing import Any

from tape import grad, primitive
from tape.core.domain import case, real
from tape.core.registry import op
from tests.tape.errors.examples import Case, X, tripled


@primitive
def several(xs: Any) -> Any:
    return xs[0] + xs[1]


several.defvjp(xs=lambda g: (g,))


def ruled(rule: Any, function: Callable[..., Any] = tripled, **rules: Any) -> Callable[[], Any]:
    """The gradient of a primitive with a certain rule for its argument x."""

    def differentiate() -> Any:
        made = primitive(function)
        made.defvjp(x=rule, **rules)
        return grad(lambda x: made(x).sum())(X)

    return differentiate


def registered_twice() -> Any:
    def sine(x: Any) -> Any:
        return x

    sine.__name__ = "sin"
    return op(case(real(3)))(sine)


CASES: dict[str, Case] = {
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
