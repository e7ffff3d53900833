"""Every TapeError that the engine can raise, and what it prints.

One case for each place in the source that makes one; a place without a case, or a message that has changed, fails.
"""

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import tape
from tape import TapeError, checkpoint, custom_vjp, grad, hvp, jacrev, jvp, vjp
from tests.tape.errors import compiled, derivatives, functions, lost, primitives, programs, values
from tests.tape.errors.examples import X

CASES = {
    **primitives.CASES,
    **values.CASES,
    **derivatives.CASES,
    **functions.CASES,
    **lost.CASES,
    **compiled.CASES,
    **programs.CASES,
}


def printed(error: TapeError) -> str:
    """The message, with the lines of files without their number and the way there."""
    return re.sub(r"\S*?(\w+\.py):\d+", r"\1:#", str(error))


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
