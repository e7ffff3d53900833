"""A network's parameters in a file of their own."""

from pathlib import Path
from typing import Any

from safetensors.torch import load, save

from n2n.images.files import write_whole
from nn import Params
from tape import tree

__all__ = ["load_parameters", "save_parameters"]


def save_parameters(path: Path, params: Params) -> None:
    """Writes them as safetensors, each tensor under its path in the pytree."""
    named = zip(tree.paths(params), tree.leaves(params), strict=True)
    write_whole(path, save({name: leaf.cpu().contiguous() for name, leaf in named}))


def load_parameters(path: Path, like: Any) -> Params:
    """Parameters of the structure of `like`."""
    tensors = load(path.read_bytes())
    params: Params = tree.unflatten(tree.flatten(like)[1], [tensors[name] for name in tree.paths(like)])
    return params
