"""What tape registers for torch stands in the table of its family."""

import importlib
from typing import Any

import pytest
from torch import Tensor

import tape
from tape.core.refusals import function_name
from tape.core.traced import Traced
from tests.tape.ops.spelling.beside_torch import evaluate, leaves, values

# A gradient would be lost.
REFUSED = {"Tensor.numpy", "Tensor.__float__", "Tensor.__complex__", "torch.unique", "Tensor.unique"}
REFUSED |= {"torch.unique_consecutive", "Tensor.unique_consecutive"}
NEEDS_A_GPU = {"Tensor.cuda"}
ONLY_FOR_INTEGERS = {"Tensor.__index__"}  # a traced value holds no integers


def test_every_registered_spelling_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    written: set[str] = set()
    depth = 0

    def noted(function: Any, implementation: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            if not depth:
                written.add(function_name(function))
            depth += 1
            try:
                return implementation(*args, **kwargs)
            finally:
                depth -= 1

        return call

    registered: dict[str, set[str]] = {}
    for function, implementations in list(Traced.functions.items()):
        package, _, family = str(implementations[0].__module__).rpartition(".")
        if package != "tape.ops":
            continue
        registered.setdefault(family, set()).add(function_name(function))
        wrapped = tuple(noted(function, implementation) for implementation in implementations)
        monkeypatch.setitem(Traced.functions, function, wrapped)
        for name in method_names(function):
            monkeypatch.setattr(Traced, name, wrapped[1])

    inputs, missing = values(), set()
    for family, functions in registered.items():
        written.clear()
        for expression in spellings(family):
            tape.vjp(lambda tensors, e=expression: leaves(evaluate(e, tensors)), inputs)
        missing |= functions - written
    assert missing == REFUSED | NEEDS_A_GPU | ONLY_FOR_INTEGERS


def spellings(family: str) -> list[str]:
    table: list[str] = importlib.import_module(f"tests.tape.ops.spelling.test_{family}").SPELLINGS
    return table


def method_names(function: Any) -> list[str]:
    return [name for name in vars(Traced) if getattr(Tensor, name, None) is function]
