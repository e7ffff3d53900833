"""Who takes part on a device, on this machine."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec

import torch

from n2n.bench.peers import chain
from n2n.bench.peers.contender import Contender, Denoiser, Fed, Trainer
from n2n.bench.peers.inference import InTiles, Whole, whole_channels_last
from n2n.bench.peers.jax_jit import JaxJit
from n2n.bench.peers.ours import Ours
from n2n.bench.peers.torch_modules import TorchModules, channels_last, compiled
from n2n.bench.problem import Problem
from n2n.bench.rows import Work

__all__ = ["COMPILED", "EAGER", "OURS", "absent", "chains", "denoisers", "makers", "trainers"]

OURS, COMPILED = "tape", "tape compiled"
EAGER = ("torch", "torch channels-last")


def makers(work: Work, device: torch.device, compiling: bool = False) -> Mapping[str, Callable[[Problem], Fed]]:
    """Makers of the contenders of a kind of work, by the names they have in the report; tape comes first."""
    return trainers(device, compiling) if work == "step" else denoisers()


def trainers(device: torch.device, compiling: bool = False) -> dict[str, Callable[[Problem], Trainer]]:
    """Makers of those who take training steps.

    torch.compile takes part on a GPU, and on a CPU if `compiling`: it needs a C++ compiler, and minutes.
    """
    chosen: dict[str, Callable[[Problem], Trainer]] = {
        OURS: Ours,
        EAGER[0]: TorchModules,
        EAGER[1]: channels_last,
    }
    if device.type != "cpu" or compiling:
        chosen["torch.compile"] = compiled
    if device.type == "cpu" and find_spec("jax"):
        chosen["JAX jit"] = JaxJit
    return chosen


def denoisers() -> dict[str, Callable[[Problem], Denoiser]]:
    """Makers of those who denoise a picture."""
    return {OURS: InTiles, EAGER[0]: Whole, EAGER[1]: whole_channels_last}


def chains(seed: int, device: torch.device) -> dict[str, Contender]:
    """The contenders of the chain of elementwise operations; tape comes first, recorded and compiled."""
    chosen: dict[str, Contender] = dict(chain.contenders(seed, device))
    if device.type == "cpu" and find_spec("autograd"):
        chosen["HIPS autograd"] = chain.hips_autograd(seed)
    return chosen


def absent(device: torch.device) -> list[str]:
    """The peers that could take part on a device, were they installed."""
    packages = {"JAX": "jax", "HIPS autograd": "autograd"} if device.type == "cpu" else {}
    return [name for name, package in packages.items() if not find_spec(package)]
