"""Where mutants are made: the rules of the ops and the functions that they call, and the whole of the engine."""

import ast
import copy
import importlib
import inspect
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from tape.core.primitive import Primitive
from tape.core.registry import registry
from tape.core.running import _state
from tape.verify.mutants.changes import changed_trees

__all__ = ["ENGINE", "Mutant", "applied", "engine_mutants", "rule_mutants"]

# No op's verification passes through these: their own tests come first.
_BESIDE_OPS = (
    "tape.transforms.custom",
    "tape.transforms.forward",
    "tape.transforms.checkpointing",
    "tape.transforms.jacobians",
    "tape.transforms.exchanging",
    "tape.transforms.modules",
    "tape.compiling.microbatching",
    *(
        f"tape.compiling.{name}"
        for name in ("planning", "simplifying", "kinds", "line", "running", "compiled", "hoisting")
    ),
)

ENGINE = (
    "tape.core.sweep",
    "tape.core.calling",
    "tape.core.definition",
    "tape.core.one_step",
    "tape.core.running",
    "tape.core.tape",
    "tape.core.refusals",
    "tape.core.traced",
    "tape.core.matching",
    "tape.core.arguments",
    "tape.core.boundary.reading",
    "tape.core.boundary.arrays",
    "tape.core.boundary.attributes",
    "tape.core.boundary.autocast",
    "tape.core.boundary.autograd_functions",
    "tape.core.boundary.companions",
    "tape.core.boundary.tensor_checks",
    "tape.transforms.gradients",
    *_BESIDE_OPS,
)

# Ops that between them have every kind of argument and output: the first judges of the engine.
_ENGINE_OPS = ("add", "multiply", "matmul", "cat", "sort", "index", "expand", "where", "divide", "put")


@dataclass(frozen=True)
class Mutant:
    """One small error in one function."""

    module: str
    function: str  # "divide.defvjp(y)" for a rule
    line: int
    change: str
    ops: tuple[str, ...]  # whose verification concerns it
    target: types.FunctionType
    code: types.CodeType

    @property
    def key(self) -> tuple[str, str]:
        """How the table of equivalent mutants names it."""
        return f"{self.module}.{self.function}", self.change

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.function}: {self.change}"


@dataclass(frozen=True)
class _Site:
    label: str
    module: str
    function: types.FunctionType
    node: ast.Lambda | ast.FunctionDef


def rule_mutants(ops: Sequence[str] | None = None) -> Iterator[Mutant]:
    """The mutants of the registered rules, or of some ops' rules, and of the functions that these call."""
    concerned: dict[str, list[str]] = {}
    sites: dict[str, _Site] = {}
    for op in sorted(registry) if ops is None else ops:
        for site in _rule_sites(registry[op][0]):
            sites[f"{site.module}.{site.label}"] = site
            concerned.setdefault(f"{site.module}.{site.label}", []).append(op)
    for key, site in sites.items():
        yield from _mutants(site, tuple(dict.fromkeys(concerned[key])))


def engine_mutants(modules: Sequence[str] = ENGINE) -> Iterator[Mutant]:
    """The mutants of every function of some modules of the engine."""
    for module in modules:
        ops = () if module in _BESIDE_OPS else _ENGINE_OPS
        for name, node in _functions(module).items():
            if function := _defined(module, name):
                yield from _mutants(_Site(name, module, function, node), ops)


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """The function has the mutant's code, everywhere at once; afterwards its own again."""
    original = mutant.target.__code__
    mutant.target.__code__ = mutant.code
    _forget(mutant.module)
    try:
        yield
    finally:
        mutant.target.__code__ = original
        _forget(mutant.module)


def _forget(module: str) -> None:
    """What is kept may have been worked out by other code: plans, results in caches, what runs in this thread."""
    for primitive, _ in registry.values():
        primitive.plans.clear()
    for value in importlib.import_module(module).__dict__.values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()
    _state.__init__()  # type: ignore[misc]


def _mutants(site: _Site, ops: tuple[str, ...]) -> Iterator[Mutant]:
    namespace = importlib.import_module(site.module).__dict__
    node = copy.deepcopy(site.node)  # whoever stops half-way leaves a changed tree behind
    seen = {ast.unparse(node)}
    count: Counter[str] = Counter()
    for change, line in changed_trees(node):
        count[change] += 1
        text = ast.unparse(node)
        if text in seen:
            continue
        seen.add(text)
        label = change if count[change] == 1 else f"{change} #{count[change]}"
        try:
            code = _compiled(node, namespace, site.function.__code__.co_filename)
        except SyntaxError:
            continue
        yield Mutant(site.module, site.label, line, label, ops, site.function, code)


def _defined(module: str, name: str) -> types.FunctionType | None:
    """The function that a module defines by a name, below what decorates it."""
    file = inspect.getsourcefile(importlib.import_module(module))
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = found.fset if part == "setter" else found.__dict__[part]
    found = found.fget if isinstance(found, property) else found
    while found is not None and not (isinstance(found, types.FunctionType) and found.__code__.co_filename == file):
        found = getattr(found, "__wrapped__", None)
    return found


def _compiled(node: ast.Lambda | ast.FunctionDef, namespace: dict[str, Any], file: str) -> types.CodeType:
    """The code of a function, whose text is looked at in the names of its module.

    It is of the module's file: code of another one would be a user's, and messages that name the user's line wrong.
    """
    scratch = dict(namespace)
    if isinstance(node, ast.Lambda):
        function = eval(compile(ast.Expression(node), file, "eval"), scratch)
    else:
        exec(compile(ast.Module([node], []), file, "exec"), scratch)
        function = scratch[node.name]
    code: types.CodeType = function.__code__
    return code


def _rule_sites(primitive: Primitive[..., Any]) -> Iterator[_Site]:
    module = primitive.function.__module__
    for argument, node in _rules(module).get(primitive.name, {}).items():
        rule = primitive.rules[argument]
        if isinstance(node, ast.Lambda) and isinstance(rule, types.FunctionType):
            yield _Site(f"{primitive.name}.defvjp({argument})", module, rule, node)
        yield from _called(module, node, set())


def _called(module: str, node: ast.AST, seen: set[str]) -> Iterator[_Site]:
    """The plain functions of tape that some code refers to, and those that these refer to."""
    namespace = importlib.import_module(module).__dict__
    own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    for name in [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]:
        function = None if name in own else namespace.get(name)
        if not isinstance(function, types.FunctionType) or not function.__module__.startswith("tape.ops"):
            continue
        definition = _functions(function.__module__).get(function.__name__)
        if definition is not None and function.__name__ not in seen:
            seen.add(function.__name__)
            yield _Site(function.__name__, function.__module__, function, definition)
            yield from _called(function.__module__, definition, seen)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


@cache
def _functions(module: str) -> dict[str, ast.FunctionDef]:
    """The functions and methods of a module, without what decorates them."""
    found = {}
    for node in _tree(module).body:
        prefix, body = (f"{node.name}.", node.body) if isinstance(node, ast.ClassDef) else ("", [node])
        for part in body:
            if isinstance(part, ast.FunctionDef):
                setter = any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in part.decorator_list)
                part.decorator_list = []
                part.returns = None
                for arg in (*part.args.args, *part.args.kwonlyargs, part.args.vararg, part.args.kwarg):
                    if arg is not None:
                        arg.annotation = None
                found[prefix + part.name + ".setter" * setter] = part
    return found


@cache
def _rules(module: str) -> dict[str, dict[str, ast.expr]]:
    """The rules that a module defines: by the primitive's name, then the argument's."""
    found: dict[str, dict[str, ast.expr]] = {}
    for node in _tree(module).body:
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "defvjp":
            name = ast.unparse(call.func.value)
            found.setdefault(name, {}).update({k.arg: k.value for k in call.keywords if k.arg})
    return found
