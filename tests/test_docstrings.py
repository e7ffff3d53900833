"""Every public name shows how it is used: an example in its docstring, which runs as a doctest."""

import doctest
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import n2n
import nn
import optim
import tape
import tape.core.domain
import tape.verify

FACES: tuple[ModuleType, ...] = (tape, tape.tree, tape.core.domain, tape.verify, nn, optim, n2n)
PACKAGES = {"tape", "nn", "optim", "n2n"}


def public() -> Iterator[tuple[str, Any]]:
    """The functions and classes that users get from the packages, each with the path under which they find it.

    A type alias has no docstring of its own, and a class that is another library's has that library's.
    """
    for face in FACES:
        for name in face.__all__:
            value = getattr(face, name)
            if callable(value) and value.__module__.partition(".")[0] in PACKAGES:
                yield f"{face.__name__}.{name}", value


def has_example(value: Any) -> bool:
    return bool(doctest.DocTestParser().get_examples(value.__doc__ or ""))


def test_every_public_name_has_an_example() -> None:
    lacking = [path for path, value in public() if not has_example(value)]
    assert not lacking, f"without an example in their docstrings: {', '.join(lacking)}"


def test_the_public_names_are_found() -> None:
    found = dict(public())
    assert {"tape.grad", "tape.TapeError", "tape.tree.map", "tape.verify.check", "nn.Layer", "nn.linear"} <= set(found)
    assert not {"tape.tree", "tape.tree.TreeDef", "tape.core.domain.Sizes", "nn.Initializer", "nn.Shape"} & set(found)


def test_every_module_with_public_names_is_a_face() -> None:
    """A module that a package names in its `__all__` has public names too."""
    nested = [getattr(face, name) for face in FACES for name in face.__all__]
    assert {module.__name__ for module in nested if isinstance(module, ModuleType)} <= {face.__name__ for face in FACES}


def test_a_docstring_without_an_example_is_found() -> None:
    def bare() -> None: ...

    def described() -> None:
        """What it does."""

    def shown() -> None:
        """What it does.

        >>> 1 + 1
        2
        """

    assert [has_example(f) for f in (bare, described, shown)] == [False, False, True]


def test_examples_are_run() -> None:
    """What hides a function from doctest, as some decorators do, would leave its example unread."""
    finder = doctest.DocTestFinder()
    modules = {value.__module__ for _, value in public()}
    run = {test.docstring for name in modules for test in finder.find(sys.modules[name])}
    unread = [path for path, value in public() if has_example(value) and value.__doc__ not in run]
    assert not unread, f"with examples that doctest does not find: {', '.join(unread)}"
