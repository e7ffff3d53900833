"""n2n reproduce"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from n2n.bench.machine import available_cores, machine
from n2n.cli.console import SeedOption, console, given, refuse
from n2n.errors import InputError, unknown
from n2n.reproduce import Cell, Folder, Job, Origin, experiments, needed, prepare, run_jobs
from n2n.reproduce.data import Data
from n2n.reproduce.preparing import PAIRS
from n2n.reproduce.report import package_version, write_report
from n2n.run import fresh_path

__all__ = ["reproduce"]


def reproduce(
    context: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(help="table1 table2 table3 fig1 fig2 fig3 transposed, or all of these.", metavar="WHAT..."),
    ],
    photos: Annotated[
        Path | None,
        typer.Option(help="A folder of clean photographs to simulate pairs from; procedural images if left out."),
    ] = None,
    tensors: Annotated[
        Path | None, typer.Option(help="The course's train_data.pkl, or another file of noisy pairs.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(help="With --tensors: the file of noisy and clean images that are held out.")
    ] = None,
    noise: Annotated[str, typer.Option(help="The noise that clean images get.")] = "pointsample",
    test: Annotated[
        Path | None, typer.Option(help="A .npz or .pkl file of noisy and clean images to measure on as well.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="How often each cell is run, from fresh parameters.")] = 3,
    scale: Annotated[float, typer.Option(help="Fraction of the pairs of an epoch and of the held-out images.")] = 1.0,
    jobs: Annotated[
        int | None, typer.Option(help="Cells at once, on one thread each; one for each core if left out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder of the results, to go on with if it exists; a fresh one if left out."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin the folder anew.")] = False,
    seed: SeedOption = 0,
) -> None:
    """Run the report's experiments again, its figures beside the measured ones.

    Each cell is kept as it ends: the same command with the same --out goes on where it was stopped.

    Example: n2n reproduce all --photos photos/ --scale 0.02 --out runs/report
    """
    chosen = [experiments[name] for name in _names(what)]
    typed = given(context)
    if photos is not None and tensors is not None:
        raise InputError("give one source of pairs: --photos or --tensors")
    if tensors is not None:
        refuse(typed & {"noise"}, "with --tensors, whose images are noisy")
    for name, value in (("seeds", seeds), ("jobs", jobs)):
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}; at least 1 is needed")
    origin = Origin(photos, tensors, validation, noise, test, scale, seed)
    folder = Folder.open(out or fresh_path(Path("runs"), "reproduce"), {"course": origin.described()}, force)
    processes = jobs or available_cores()
    try:
        _prepare(folder, origin)
        _run(folder, needed(chosen, range(seed, seed + seeds)), processes)
    except KeyboardInterrupt:
        console.print(f"stopped; go on with the same command and --out {folder.path}")
        raise typer.Exit(130) from None
    for name in write_report(folder):
        console.print(str(folder.path / name))


def _names(what: Sequence[str]) -> list[str]:
    for name in what:
        if name not in (*experiments, "all"):
            raise unknown("experiment", name, [*experiments, "all"])
    return [name for name in experiments if name in what or "all" in what]


def _prepare(folder: Folder, origin: Origin) -> None:
    with _bar() as bar:
        reading = bar.add_task("reading pictures", total=None, rate="")
        making = bar.add_task("making pairs", total=max(1, round(origin.scale * PAIRS)), rate="")

        def track(paths: Sequence[Path]) -> Any:
            bar.update(reading, total=len(paths))
            for path in paths:
                yield path
                bar.advance(reading)

        prepare(folder.path, origin, lambda count: bar.advance(making, count), track)
        bar.update(reading, visible=False)
        bar.update(making, visible=False)


def _run(folder: Folder, cells: Sequence[Cell], processes: int) -> None:
    """Runs the cells that have no record yet, the longest first, with a bar, and keeps the record of each."""
    records = folder.records()
    left = [cell for cell in cells if not (cell.key in records and cell.answered_by(records[cell.key]))]
    if len(left) < len(cells):
        console.print(f"{len(cells) - len(left)} of {len(cells)} cells are done already")
    if not left:
        return
    pairs = len(Data.open(folder.path).pairs)
    work = {cell.key: cell.cost * cell.epochs * pairs for cell in left}
    cost = {cell.key: cell.cost for cell in left}
    longest_first: list[Job] = sorted(left, key=lambda cell: -work[cell.key])
    made = _made(min(processes, len(left)))
    done, trained, began = 0, 0, time.monotonic()
    with _bar() as bar:
        task = bar.add_task(f"0 of {len(left)} cells", total=sum(work.values()), rate="")
        for news in run_jobs(longest_first, folder.path, processes):
            if news.record is not None:
                folder.keep(news.key, news.record | {"made": made})
                done += 1
            trained += news.pairs
            rate = f"{trained / (time.monotonic() - began):,.0f} pairs/s"
            bar.update(task, advance=cost[news.key] * news.pairs, description=f"{done} of {len(left)} cells", rate=rate)


def _made(processes: int) -> dict[str, str]:
    """What computes the cells, as it is kept with each."""
    known = machine(torch.device("cpu"))
    kept = {name: known[name] for name in ("cpu", "cores", "system", "python", "torch", "numpy")}
    return kept | {"noise2noise-tape": package_version(), "processes": str(processes)}


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
