"""n2n reproduce"""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from n2n.bench.machine import available_cores, machine
from n2n.cli.console import DeviceOption, SeedOption, console, given, refuse, say, torch_device
from n2n.errors import InputError, unknown
from n2n.reproduce import (
    PAIRS,
    Folder,
    Job,
    Origin,
    PaperOrigin,
    experiments,
    needed,
    package_version,
    paper_jobs,
    prepare,
    prepare_paper,
    run_jobs,
    write_report,
)
from n2n.training.run import fresh_path

__all__ = ["reproduce"]

OF_THE_REPORT = {"tensors", "validation", "noise", "test"}  # options that the paper's experiment has no use for
OF_THE_PAPER = {"test_folder", "crop", "steps"}


def reproduce(
    context: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(
            help="table1 table2 table3 fig1 fig2 fig3 transposed, or all of these; paper.", metavar="WHAT..."
        ),
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
    test_folder: Annotated[
        list[str] | None,
        typer.Option(help="With paper: a folder of clean pictures to test on; may be repeated.", metavar="NAME=FOLDER"),
    ] = None,
    crop: Annotated[int, typer.Option(help="With paper: side of the crops that the U-Net is trained on.")] = 64,
    steps: Annotated[int, typer.Option(help="With paper: steps of each training, of 8 crops.")] = 1500,
    seeds: Annotated[
        int | None, typer.Option(help="How often each cell is run, from fresh parameters: 3, or 1 for paper.")
    ] = None,
    scale: Annotated[
        float,
        typer.Option(help="Fraction of an epoch's pairs and the held-out images, or of paper's steps and pictures."),
    ] = 1.0,
    jobs: Annotated[
        int | None, typer.Option(help="Cells at once, on one thread each; one for each core if left out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder of the results, to go on with if it exists; a fresh one if left out."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin the folder anew.")] = False,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Run the report's experiments again, its figures beside the measured ones.

    Each cell is kept as it ends: the same command with the same --out goes on where it was stopped.

    Example: n2n reproduce all --photos photos/ --scale 0.02 --out runs/report
    """
    target = torch_device(device)
    names, typed = _names(what), given(context)
    if photos is not None and tensors is not None:
        raise InputError("give one source of pairs: --photos or --tensors")
    if tensors is not None:
        refuse(typed & {"noise"}, "with --tensors, whose images are noisy")
    if names == ["paper"]:
        refuse(typed & OF_THE_REPORT, "on paper, which has noises and sets of its own")
    if "paper" not in names:
        refuse(typed & OF_THE_PAPER, "without paper")
    for name, value in (("seeds", seeds), ("jobs", jobs)):
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}; at least 1 is needed")

    chosen = [experiments[name] for name in names if name != "paper"]
    origin = Origin(photos, tensors, validation, noise, test, scale, seed) if chosen else None
    folders = dict(_named(text) for text in test_folder or [])
    paper = PaperOrigin(photos, folders, crop, steps, scale, seed) if "paper" in names else None
    parts = {"course": origin, "paper": paper}
    described = {name: part.described() for name, part in parts.items() if part is not None}
    folder = Folder.open(out or fresh_path(Path("runs"), "reproduce"), described, force)
    work: list[Job] = []
    try:
        if origin is not None:
            _prepare(folder, origin)
            work += needed(chosen, range(seed, seed + (seeds or 3)))
        if paper is not None:
            _prepare(folder, paper)
            work += paper_jobs(paper, range(seed, seed + (seeds or 1)))
        _run(folder, work, jobs or available_cores(), target)
    except KeyboardInterrupt:
        say(f"stopped; go on with the same command and {shlex.join(['--out', str(folder.path)])}")
        raise typer.Exit(130) from None
    for name in write_report(folder):
        say(str(folder.path / name))


def _names(what: Sequence[str]) -> list[str]:
    """The experiments that are asked for, in the order of the report; paper is none of the report's."""
    known = [*experiments, "paper"]
    for name in what:
        if name not in (*known, "all"):
            raise unknown("experiment", name, [*known, "all"])
    return [name for name in known if name in what or ("all" in what and name != "paper")]


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name.strip() and equals and path) or "/" in name:
        raise InputError(f"--test-folder is {text}: write a name and a folder, as in Kodak=pictures/kodak")
    return name.strip(), Path(path)


def _prepare(folder: Folder, origin: Origin | PaperOrigin) -> None:
    with _bar() as bar:
        reading = bar.add_task("reading pictures", total=None, rate="")
        making = bar.add_task("making pairs", total=None, rate="")

        def track(paths: Sequence[Path]) -> Any:
            bar.update(reading, total=len(paths))
            for path in paths:
                yield path
                bar.advance(reading)

        def tick(count: int) -> None:
            bar.advance(making, count)

        if isinstance(origin, Origin):
            bar.update(making, total=max(1, round(origin.scale * PAIRS)))
            prepare(folder.path, origin, tick, track)
        else:
            prepare_paper(folder.path, origin, tick, track)
        bar.update(reading, visible=False)
        bar.update(making, visible=False)


def _run(folder: Folder, jobs: Sequence[Job], processes: int, device: torch.device) -> None:
    """Runs the jobs that have no record yet, the longest first, with a bar, and keeps the record of each."""
    records = folder.records()
    left = [job for job in jobs if not (job.key in records and job.answered_by(records[job.key]))]
    if len(left) < len(jobs):
        console.print(f"{len(jobs) - len(left)} of {len(jobs)} cells are done already")
    if not left:
        return
    cost = {job.key: job.cost for job in left}
    work = {job.key: job.cost * job.size(folder.path) for job in left}
    made = _made(min(processes, len(left)), device)
    done, trained, began = 0, 0, time.monotonic()
    with _bar() as bar:
        task = bar.add_task(f"0 of {len(left)} cells", total=sum(work.values()), rate="")
        for news in run_jobs(sorted(left, key=lambda job: -work[job.key]), folder.path, processes, device):
            if news.record is not None:
                folder.keep(news.key, news.record | {"made": made})
                done += 1
            trained += news.pairs
            rate = f"{trained / (time.monotonic() - began):,.0f} pairs/s"
            bar.update(task, advance=cost[news.key] * news.pairs, description=f"{done} of {len(left)} cells", rate=rate)


def _made(processes: int, device: torch.device) -> dict[str, str]:
    """What computes the cells, as it is kept with each."""
    known = machine(device)
    kept = {
        name: known[name] for name in ("cpu", "cores", "gpu", "system", "python", "torch", "numpy") if name in known
    }
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
