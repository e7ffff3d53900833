"""What the commands share: the console, the progress bar, the device, the table."""

from collections.abc import Sequence
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from n2n.errors import InputError
from n2n.evaluation import Row

__all__ = [
    "DeviceOption",
    "SeedOption",
    "UnusedSeedOption",
    "comparison",
    "console",
    "given",
    "progress_bar",
    "refuse",
    "say",
    "torch_device",
]

console = Console(highlight=False)


def _seed(number: int) -> int:
    if not 0 <= number < 2**63:
        raise InputError(f"--seed is {number}; it must be at least 0 and below 2^63")
    return number


SeedOption = Annotated[
    int, typer.Option(help="Seed of everything that is drawn: the same seed, the same result.", callback=_seed)
]
UnusedSeedOption = Annotated[
    int, typer.Option(help="Taken as by every command; here nothing is drawn.", callback=_seed)
]
DeviceOption = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1, …")]


def torch_device(name: str) -> torch.device:
    """The device of a name. Raises InputError for one that this machine does not have."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).add_(1).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(f"there is no device '{name}' on this machine; try --device cpu") from None
    return device


def given(context: typer.Context) -> set[str]:
    """The names of the parameters that were typed, as opposed to those that have their defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


ARGUMENTS = {"data", "network"}  # of the commands, beside their options


def refuse(unused: set[str], why: str) -> None:
    """Raises InputError for arguments and options that would have no effect."""
    if unused:
        name = min(unused)
        shown = name.upper() if name in ARGUMENTS else f"--{name.replace('_', '-')}"
        raise InputError(f"{shown} has no effect {why}: leave it out")


def say(line: str) -> None:
    """Prints a line as it is: with brackets that a file's name has, and not broken, so that it can be copied."""
    console.print(line, markup=False, soft_wrap=True)


def progress_bar(unit: str) -> Progress:
    """A bar with the rate in `unit`s a second, the time taken and the time left."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} " + unit + "/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=console,
    )


def comparison(title: str, rows: Sequence[Row]) -> Table:
    """A table of denoisers, the best figure of each column in bold."""
    table = Table(title=Text(title), title_justify="left")
    table.add_column("")
    for name in ("PSNR per image", "PSNR overall", "SSIM"):
        table.add_column(name, justify="right")
    best = [max(row[i] for row in rows) for i in (1, 2, 3)]
    for row in rows:
        shown = [f"{row.mean:.2f} dB", f"{row.overall:.2f} dB", f"{row.ssim:.4f}"]
        cells = [
            f"[bold]{text}[/bold]" if value == top else text
            for text, value, top in zip(shown, row[1:], best, strict=True)
        ]
        table.add_row(row.name, *cells)
    return table
