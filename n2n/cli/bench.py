"""n2n bench"""

import dataclasses
import json
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from n2n.bench import Plan, available_cores, draw_growth, hindrance, names, run, tables
from n2n.cli.console import DeviceOption, SeedOption, console, progress_bar, refuse, torch_device
from n2n.errors import InputError, unknown
from n2n.images.files import write_whole
from n2n.training.run import fresh_path

__all__ = ["bench"]


def bench(
    out: Annotated[
        Path | None,
        typer.Option(help="Where bench.json and bench.png go; a fresh folder under runs/ if left out."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="About a minute: fewer rounds, fewer batches, a smaller picture.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="One row, as in net4; may be given several times.", metavar="NAME"),
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Paired rounds of each row: 15, or 3 if --quick.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads, and cores, for everybody; all if left out.")] = None,
    compile: Annotated[
        bool,
        typer.Option(
            "--compile", help="Have torch.compile take part on the CPU: it needs a C++ compiler, and takes minutes."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the results in --out.")] = False,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Compare time and memory of training steps and denoising with torch's, and JAX's and autograd's if installed.

    Contenders take turns in one run: what counts is the ratio in a round. First calls, which compile, are timed too.

    To have all of them: pip install jax autograd

    Example: n2n bench --quick --only net4 --only chain
    """
    target = torch_device(device)
    known = names(target)
    for name in only or []:
        if name not in known:
            raise unknown("row", name, known)
    most = available_cores()
    threads, rounds = most if threads is None else threads, (3 if quick else 15) if rounds is None else rounds
    if not 1 <= threads <= most:
        raise InputError(f"--threads is {threads}; this machine has from 1 to {most} for it")
    if rounds < 1:
        raise InputError(f"--rounds is {rounds}; at least 1 is needed")
    if compile:
        _check_compile(target)
    folder = _folder(out, force)

    plan = Plan(target, rounds, threads, seed, quick, frozenset(only or known), compile)
    started = time.monotonic()
    with progress_bar("rounds") as bar:
        task = bar.add_task("measuring", total=plan.ticks, rate="–", status="")

        def tick(doing: str) -> None:
            rate = (bar.tasks[task].completed + 1) / (time.monotonic() - started)
            bar.update(task, advance=1, rate=f"{rate:.1f}", status=doing)

        report = run(plan, tick)
    for table in tables(report):
        console.print(table)
    write_whole(folder / "bench.json", json.dumps(dataclasses.asdict(report), indent=2).encode())
    console.print(str(folder / "bench.json"))
    if report.growth is not None:
        draw_growth(folder / "bench.png", report.growth)
        console.print(str(folder / "bench.png"))


def _check_compile(device: torch.device) -> None:
    """Raises InputError where --compile changes nothing or torch.compile does not work."""
    if device.type != "cpu":
        refuse({"compile"}, f"on {device}, where torch.compile takes part anyway")
    if why := hindrance():
        raise InputError(f"torch.compile cannot take part: {why}; install one that works, or leave --compile out")


def _folder(out: Path | None, force: bool) -> Path:
    """The folder of the results, made before anything is measured."""
    folder = out or fresh_path(Path("runs"), "bench")
    for name in ("bench.json", "bench.png"):
        if (folder / name).exists() and not force:
            raise InputError(f"{folder / name} exists: replace it with --force, or give another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from None
    return folder
