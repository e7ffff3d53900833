"""Every number that a spelling has, as a traced value: its derivative is right, or it is refused."""

import ast
import importlib
import pkgutil
from typing import Any

import pytest
import torch
from torch import Tensor

import tape
import tests.tape.ops.spelling
from tests.tape.ops.spelling.beside_torch import evaluate, leaves, values

STEP = 1e-6

# Where the number stands on an edge, and differences from both sides disagree.
AT_A_JUMP = {
    "0.0 | F.smooth_l1_loss(x, y, beta=number)",
    "0.5 | x.quantile(number, dim=0, interpolation='midpoint')",
}


def with_a_number() -> list[str]:
    """Expressions with a number of theirs written as the name `number`, and its value."""
    return sorted({found for expression in all_spellings() for found in numbers_replaced(expression)} - AT_A_JUMP)


def all_spellings() -> list[str]:
    families = [module.name for module in pkgutil.iter_modules(tests.tape.ops.spelling.__path__)]
    modules = [
        importlib.import_module(f"tests.tape.ops.spelling.{name}") for name in families if name != "test_traced_numbers"
    ]
    return [expression for module in modules for expression in getattr(module, "SPELLINGS", ())]


def numbers_replaced(expression: str) -> list[str]:
    count = sum(is_number(node) for node in ast.walk(ast.parse(expression)))
    found = []
    for place in range(count):
        tree = ast.parse(expression, mode="eval")
        node = [node for node in ast.walk(tree) if is_number(node)][place]
        value = node.value
        replaced = Replaced(node).visit(tree)
        found.append(f"{value!r} | {ast.unparse(replaced)}")
    return found


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


class Replaced(ast.NodeTransformer):
    def __init__(self, constant: ast.AST) -> None:
        self.constant = constant

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Name("number", ast.Load()) if node is self.constant else node


def total(expression: str, number: Any) -> Any:
    """The sum of all floating-point numbers in the result, each with a weight of its own."""
    found = leaves(evaluate(expression, {**values(), "number": number}))
    parts = [x for x in found if hasattr(x, "is_floating_point") and x.is_floating_point()]
    weighted = [
        (x.double() * torch.linspace(1, 2, x.numel(), dtype=torch.float64).reshape(x.shape)).sum() for x in parts
    ]
    return sum(weighted, torch.zeros((), dtype=torch.float64))


@pytest.mark.parametrize("case", with_a_number())
def test_a_number_is_differentiated_or_refused(case: str) -> None:
    value, expression = case.split(" | ", 1)
    number = float(value)
    try:
        gradient = tape.grad(lambda number: total(expression, number))(torch.tensor(number, dtype=torch.float64))
    except RecursionError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, AttributeError):
        return
    try:
        above, below = (total(expression, number + step) for step in (STEP, -STEP))
    except TypeError:  # torch takes only an integer there
        return
    expected = (above - below) / (2 * STEP)
    assert isinstance(gradient, Tensor)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4, equal_nan=True)
