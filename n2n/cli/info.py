"""n2n info"""

import dataclasses
import inspect
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.table import Table
from rich.text import Text
from torch import Generator

from n2n.cli.console import DeviceOption, UnusedSeedOption, console, torch_device
from n2n.networks import networks
from n2n.noise import noises
from n2n.training.checkpoint import Checkpoint
from n2n.training.losses import losses
from n2n.training.run import trained_network
from n2n.training.scoring import validated
from tape import tree

__all__ = ["info"]


def info(
    run: Annotated[Path | None, typer.Argument(help="A run folder, or a checkpoint file.")] = None,
    seed: UnusedSeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Say what a run holds, or, without one, what there is: networks, losses, noises, versions.

    Example: n2n info runs/demo-1
    """
    target = torch_device(device)
    table = Table(show_header=False)
    if run is not None:
        checkpoint = trained_network(run, target)
        table.add_row("step", f"{checkpoint.state.step:,}")
        table.add_row("held-out PSNR", _score(checkpoint))
        table.add_row("images", "×".join(map(str, checkpoint.shape)))
        table.add_row("parameters", f"{_count(checkpoint.state.params):,}")
        for name, value in dataclasses.asdict(checkpoint.settings).items():
            table.add_row(name, Text(str(value)))
        console.print(table)
        return
    for name, constructor in networks.items():
        params, _ = constructor(3).init(Generator(), (3, 32, 32))
        table.add_row(f"network {name}", f"{_count(params):,} parameters. {_first_line(constructor)}")
    for name, loss in losses.items():
        table.add_row(f"loss {name}", loss.about)
    for name, noise in noises.items():
        table.add_row(f"noise {name}", noise.usage)
    for package in ("torch", "optree", "scikit-image"):
        table.add_row(package, version(package))
    table.add_row("device", f"{target}, {torch.get_num_threads()} threads")
    console.print(table)


def _score(checkpoint: Checkpoint) -> str:
    if checkpoint.psnr is None:
        return "not taken"
    how = "" if checkpoint.clean is None else f", {validated(checkpoint.clean)}"
    return f"{checkpoint.psnr:.2f} dB{how}"


def _count(params: object) -> int:
    return sum(leaf.numel() for leaf in tree.leaves(params))


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]
