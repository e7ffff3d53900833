"""The small errors that a mutant has: each changes one node of a function's syntax tree."""

import ast
from collections.abc import Iterator

__all__ = ["changed_trees"]

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_KIN = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "tril": "triu", "triu": "tril", "any": "all"}
_KIN |= {"all": "any", "zeros": "ones", "zeros_like": "ones_like", "floor": "ceil", "sum": "mean", "max": "min"}
_MODULES = {"torch", "F", "math", "tree", "inspect"}


def changed_trees(root: ast.AST) -> Iterator[tuple[str, int]]:
    """Applies each change to the tree in turn, and undoes it when the next is asked for.

    Yields what was changed, "before -> after", and its line. What says nothing to the computation stays as it
    is: annotations, defaults, decorators, docstrings, and the texts of errors.

    >>> tree = ast.parse("g * -x", mode="eval")
    >>> [(ast.unparse(tree), change) for change, _ in changed_trees(tree)][:2]
    [('g / -x', 'g * -x -> g / -x'), ('g', 'g * -x -> g')]
    """
    for parent in list(_meaningful(root)):
        for field, value in ast.iter_fields(parent):
            if isinstance(parent, (ast.FunctionDef, ast.Lambda)) and field != "body":
                continue
            if isinstance(value, ast.AST):
                for new in _alternatives(value):
                    setattr(parent, field, new)
                    yield _describe(value, new)
                setattr(parent, field, value)
            elif isinstance(value, list):
                for i, part in enumerate(value):
                    for new in _alternatives(part):
                        value[i] = new
                        yield _describe(part, new)
                    value[i] = part


def _meaningful(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.Raise, ast.JoinedStr, ast.AnnAssign)):
        return
    yield node
    for field, value in ast.iter_fields(node):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)) and field != "body":
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from _meaningful(part)


def _describe(before: ast.AST, after: ast.AST) -> tuple[str, int]:
    old, new = (ast.unparse(node).partition("\n")[0] for node in (before, after))
    return f"{old} -> {new}", getattr(before, "lineno", 0)


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    for new in _changed_expression(node) if isinstance(node, ast.expr) else _changed_statement(node):
        yield ast.fix_missing_locations(ast.copy_location(new, node))


def _changed_statement(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        yield ast.Pass()
    elif isinstance(node, (ast.Assign, ast.AugAssign, ast.Raise)) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, (ast.Constant, ast.Yield, ast.YieldFrom))
    ):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Continue):
        yield ast.Break()


def _changed_expression(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        if type(node.op) in _OPERATORS:
            yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
        yield node.left
        yield node.right
        if not isinstance(node.op, (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr)):
            yield ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, (int, float)):
            yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for operator in _COMPARISONS[type(node.ops[0])]:
            yield ast.Compare(node.left, [operator()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for i in range(len(node.values)):
            rest = node.values[:i] + node.values[i + 1 :]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Attribute) and node.attr == "mT":
        yield node.value
    elif isinstance(node, ast.Slice):
        if node.lower is not None:
            yield ast.Slice(None, node.upper, node.step)
        if node.upper is not None:
            yield ast.Slice(node.lower, None, node.step)
    elif isinstance(node, ast.Call):
        yield from _changed_call(node)


def _changed_call(node: ast.Call) -> Iterator[ast.expr]:
    function, args, keywords = node.func, node.args, node.keywords
    if isinstance(function, ast.Attribute) and function.attr in _KIN:
        yield ast.Call(ast.Attribute(function.value, _KIN[function.attr], function.ctx), args, keywords)
    elif isinstance(function, ast.Name) and function.id in _KIN:
        yield ast.Call(ast.Name(_KIN[function.id], ast.Load()), args, keywords)
    plain = [arg for arg in args if not isinstance(arg, (ast.Starred, ast.GeneratorExp))]
    method = isinstance(function, ast.Attribute) and ast.unparse(function.value) not in _MODULES
    if method:
        yield function.value  # type: ignore[attr-defined]
    elif plain:
        yield plain[0]
    if len(plain) == len(args) >= 2:
        yield ast.Call(function, [args[1], args[0], *args[2:]], keywords)
        yield ast.Call(function, args[:-1], keywords)
    for i in range(len(keywords)):
        yield ast.Call(function, args, keywords[:i] + keywords[i + 1 :])
