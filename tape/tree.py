"""Pytrees: nested containers with tensors at their leaves.

Dict, list, tuple, namedtuple, registered dataclass and None are containers, everything else is a leaf.
Dicts keep the order in which they were written. The functions are those of `jax.tree`, which sorts dicts, and made
with optree; `paths` has the names under which PyTorch's `state_dict` keeps parameters.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import optree
from optree import PyTreeSpec as TreeDef  # a pytree's structure without its leaves: compares with ==, and counts them

__all__ = ["TreeDef", "flatten", "flatten_up_to", "leaves", "map", "paths", "register_dataclass", "unflatten"]

_NAMESPACE = "tape"
_Class = TypeVar("_Class", bound=type)

# optree sorts dict keys unless a namespace asks otherwise; this one asks for as long as the module lives.
_dict_order = optree.dict_insertion_ordered(True, namespace=_NAMESPACE)
_dict_order.__enter__()


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """Splits `tree` into its leaves, in order, and its structure, a `TreeDef`.

    >>> flatten({"weight": 1.0, "bias": None})[0]
    [1.0]
    """
    return optree.tree_flatten(tree, namespace=_NAMESPACE)


def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """The inverse of `flatten`: a pytree of a structure with other leaves.

    Raises ValueError if there are more or fewer leaves than the structure has.

    >>> _, treedef = flatten({"weight": 1.0, "bias": [2.0, None]})
    >>> unflatten(treedef, [3.0, 4.0])
    {'weight': 3.0, 'bias': [4.0, None]}
    """
    return optree.tree_unflatten(treedef, leaves)


def flatten_up_to(treedef: TreeDef, tree: Any) -> list[Any]:
    """The subtrees of `tree` that stand where `treedef` has leaves.

    Raises ValueError if `tree` has another structure above them.

    >>> _, treedef = flatten({"weight": 1.0, "bias": 2.0})
    >>> flatten_up_to(treedef, {"weight": [3.0, 4.0], "bias": 5.0})
    [[3.0, 4.0], 5.0]
    """
    return treedef.flatten_up_to(tree)


def leaves(tree: Any) -> list[Any]:
    """The leaves of `tree`, in order.

    >>> leaves({"b": 1, "a": (2, [3])})
    [1, 2, 3]
    """
    return optree.tree_leaves(tree, namespace=_NAMESPACE)


def map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Applies `f` to each leaf of `tree`, with the matching subtrees of `rest` as further arguments.

    Raises ValueError if one of `rest` has another structure.

    >>> map(lambda p, u: p + u, {"w": 1.0, "b": 2.0}, {"w": 0.5, "b": 0.25})
    {'w': 1.5, 'b': 2.25}
    """
    return optree.tree_map(f, tree, *rest, namespace=_NAMESPACE)


def paths(tree: Any) -> list[str]:
    """One name for each leaf: the keys, fields and positions that lead to it, joined by dots.

    >>> paths({"conv": {"weight": 1, "bias": 2}, "scales": [3, 4]})
    ['conv.weight', 'conv.bias', 'scales.0', 'scales.1']
    """
    accessors = optree.tree_accessors(tree, namespace=_NAMESPACE)
    return [".".join(_key(entry) for entry in accessor) for accessor in accessors]


def _key(entry: optree.PyTreeEntry) -> str:
    return entry.field if isinstance(entry, optree.NamedTupleEntry) else str(entry.entry)


def register_dataclass(cls: _Class) -> _Class:
    """Makes every field of a dataclass a child of a pytree node; a class decorator.

    Raises TypeError for a class that is no dataclass, ValueError for one that is registered already.

    >>> @register_dataclass
    ... @dataclasses.dataclass
    ... class Point:
    ...     x: float
    ...     y: float
    >>> map(lambda v: 2 * v, Point(1.0, 2.0))
    Point(x=2.0, y=4.0)
    """
    names = tuple(field.name for field in dataclasses.fields(cls))

    def children(value: Any) -> tuple[tuple[Any, ...], None, tuple[str, ...]]:
        return tuple(getattr(value, name) for name in names), None, names

    def rebuild(_: object, values: Iterable[Any]) -> Any:
        return cls(**dict(zip(names, values, strict=True)))

    optree.register_pytree_node(cls, children, rebuild, namespace=_NAMESPACE)
    return cls
