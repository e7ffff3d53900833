"""Networks in files of this folder: the parameters of one, in half precision, and what network they belong to."""

import json
from importlib.resources import files

import torch
from safetensors.torch import load, save
from torch import Generator

from n2n.denoising.denoise import TILE, Trained
from n2n.errors import unknown
from n2n.networks import GUIDED, TILES, network
from n2n.training.checkpoint import Checkpoint
from tape import tree

__all__ = ["bundled", "names", "packed"]

SUFFIX = ".safetensors"


def names() -> list[str]:
    """The kinds of noise for which there is a network.

    >>> "gaussian" in names()
    True
    """
    here = files(__package__).iterdir()
    return sorted(file.name.removesuffix(SUFFIX) for file in here if file.name.endswith(SUFFIX))


def bundled(name: str, device: torch.device) -> Trained:
    """The network for a kind of noise. Raises InputError where there is none."""
    if name not in names():
        raise unknown("noise", name, names())
    data = (files(__package__) / f"{name}{SUFFIX}").read_bytes()
    tensors, header = load(data), json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    kind, shape = header["__metadata__"]["network"], tuple(json.loads(header["__metadata__"]["shape"]))
    layer = network(kind, shape[0])
    like, _ = layer.init(Generator(), shape)
    _, treedef = tree.flatten(like)
    params = tree.unflatten(treedef, [tensors[path].to(device, torch.float32) for path in tree.paths(like)])
    return Trained(layer, params, shape[0], TILES.get(kind, TILE), kind in GUIDED)


def packed(checkpoint: Checkpoint) -> bytes:
    """What of a checkpoint is needed to denoise, as a file of the bundle."""
    params = checkpoint.state.trained
    tensors = zip(tree.paths(params), tree.leaves(params), strict=True)
    metadata = {
        "network": checkpoint.settings.network,
        "shape": json.dumps(checkpoint.shape),
        "settings": checkpoint.settings.to_json(),
    }
    return save({str(path): leaf.cpu().half().contiguous() for path, leaf in tensors}, metadata)
