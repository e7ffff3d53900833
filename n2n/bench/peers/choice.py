"""Who takes part on a device, on this machine."""

from collections.abc import Callable
from importlib.util import find_spec

import torch

from n2n.bench.peers import chain
from n2n.bench.peers.contender import Contender, Trainer
from n2n.bench.peers.jax_jit import JaxJit
from n2n.bench.peers.ours import Ours
from n2n.bench.peers.torch_modules import TorchModules, channels_last, compiled
from n2n.bench.problem import Problem

__all__ = ["EAGER", "OURS", "absent", "chains", "trainers"]

OURS = "tape"
EAGER = ("torch", "torch channels-last")


def trainers(device: torch.device) -> dict[str, Callable[[Problem], Trainer]]:
    """Makers of trainers, by the names they have in the report; tape comes first.

    torch.compile takes part on a GPU only: on a CPU it was slower than eager torch, after minutes of
    compilation.
    """
    chosen: dict[str, Callable[[Problem], Trainer]] = {
        OURS: Ours,
        EAGER[0]: TorchModules,
        EAGER[1]: channels_last,
    }
    if device.type != "cpu":
        chosen["torch.compile"] = compiled
    elif find_spec("jax"):
        chosen["JAX jit"] = JaxJit
    return chosen


def chains(seed: int, device: torch.device) -> dict[str, Contender]:
    """The contenders of the chain of elementwise operations; tape comes first."""
    chosen: dict[str, Contender] = dict(chain.contenders(seed, device))
    if device.type == "cpu" and find_spec("autograd"):
        chosen["HIPS autograd"] = chain.hips_autograd(seed)
    return chosen


def absent(device: torch.device) -> list[str]:
    """The peers that could take part on a device, were they installed."""
    packages = {"JAX": "jax", "HIPS autograd": "autograd"} if device.type == "cpu" else {}
    return [name for name, package in packages.items() if not find_spec(package)]
