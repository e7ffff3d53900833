"""n2n train"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Generator

from n2n.checkpoint import load_checkpoint
from n2n.cli.console import DeviceOption, SeedOption, console, given, progress_bar, refuse, torch_device
from n2n.denoise import Trained
from n2n.evaluation import denoiser
from n2n.figures import before_and_after, learning_curves
from n2n.metrics import decibels, squared_errors
from n2n.run import Run, fresh_path, refuse_existing
from n2n.settings import Settings
from n2n.sources import Source
from n2n.tensor_files import TENSOR_SUFFIXES
from n2n.training import State, Update, begin
from n2n.training import train as updates

__all__ = ["finish", "fit", "train"]


def train(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A folder of clean photographs, or a .pkl or .npz file of noisy pairs; procedural images if left out."
        ),
    ] = None,
    pairs: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two folders of noisy captures: equal names show the same scene.", metavar="A B"),
    ] = None,
    noise: Annotated[str, typer.Option(help="The noise that clean images get, as in gaussian:25.")] = "pointsample",
    validation: Annotated[
        Path | None, typer.Option(help="A .pkl or .npz file of noisy and clean images to validate on.")
    ] = None,
    network: Annotated[str, typer.Option(help="The network; 'n2n info' lists them.")] = "residual",
    loss: Annotated[str, typer.Option(help="l2 or l1.")] = "l2",
    epochs: Annotated[int, typer.Option(help="How many epochs.")] = 3,
    count: Annotated[int, typer.Option("--count", help="Pairs in an epoch.")] = 50_000,
    batch: Annotated[int, typer.Option(help="Pairs in a step.")] = 50,
    microbatch: Annotated[
        int | None,
        typer.Option(
            help="Pairs worked on at once, for speed and memory; if left out, as many as have the tape keep 5 MB."
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the training images in pixels.")] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 1e-3,
    schedule: Annotated[str, typer.Option(help="constant, or rampdown to zero over the second half.")] = "rampdown",
    average: Annotated[
        float | None,
        typer.Option(help="Decay of a moving average of the parameters, as in 0.999: validated and denoised with."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; a fresh one under runs/ if left out.")] = None,
    resume: Annotated[Path | None, typer.Option(help="A run folder to go on with; its settings hold.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the run folder if it exists.")] = False,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Train a network from noisy pairs.

    Example: n2n train photos/ --noise gaussian:25 --network residual --out runs/mine
    """
    target = torch_device(device)
    typed = given(context)
    if resume is not None:
        refuse(typed - {"resume", "device"}, "with --resume, as the run's settings hold")
        run = Run.open(resume)
        settings = run.settings
        source = _read(settings)
        state = load_checkpoint(run.last, target).state
        run.forget_after(state.step)
    else:
        is_file = data is not None and data.suffix.lower() in TENSOR_SUFFIXES
        if is_file:
            refuse(typed & {"noise", "size"}, f"with {data}, whose images are taken as they are")
        else:
            refuse(typed & {"validation"}, "without a tensor file to train on")
        if pairs is not None:
            refuse(typed & {"noise"}, "with --pairs, whose captures bring their own")
        settings = Settings(
            network=network,
            loss=loss,
            noise=noise,
            photos=str(data.absolute()) if data is not None and not is_file else None,
            tensors=str(data.absolute()) if data is not None and is_file else None,
            captures=(str(pairs[0].absolute()), str(pairs[1].absolute())) if pairs is not None else None,
            validation=None if validation is None else str(validation.absolute()),
            size=size,
            pairs=count,
            epochs=epochs,
            batch=batch,
            lr=lr,
            schedule=schedule,
            average=average,
            seed=seed,
            microbatch=microbatch,
        )
        path = out or fresh_path(Path("runs"), settings.network)
        refuse_existing(path, force)
        source = _read(settings)
        state = begin(settings, source, target)
        run = Run.create(path, settings, force)
    try:
        state, seconds = fit(run, source, state)
    except KeyboardInterrupt:
        console.print(f"stopped; go on with: n2n train --resume {run.path}")
        raise typer.Exit(130) from None
    finish(run, source, state, seconds)
    console.print(f"{run.path}")


def fit(run: Run, source: Source, state: State, time_limit: float = math.inf) -> tuple[State, float]:
    """Trains, with a progress bar, and saves after each epoch and when interrupted.

    Ends once more than `time_limit` seconds have gone by. Returns the last state and the seconds taken.
    """
    settings = run.settings
    steps = settings.epochs * settings.steps_per_epoch
    if state.step == 0:
        run.save(state, source.shape, None)
    started, first, update = time.monotonic(), state.step, None
    with progress_bar("pairs") as bar:
        task = bar.add_task(f"{settings.network}", total=steps, completed=first, rate="–", status="")
        try:
            for update in updates(settings, source, state, lambda: time.monotonic() - started > time_limit):
                seconds = time.monotonic() - started
                rate = (update.state.step - first) * settings.batch / seconds
                bar.update(task, completed=update.state.step, rate=f"{rate:,.0f}", status=f"loss {update.loss:.5f}")
                _log(run, source, update, seconds)
        finally:
            if update is not None and update.score is None:
                run.save(update.state, source.shape, None)
    return (state if update is None else update.state), time.monotonic() - started


def finish(run: Run, source: Source, state: State, seconds: float) -> None:
    """Draws the figures and writes the card."""
    entries = list(run.entries())
    validated = (
        "against clean images" if source.has_clean else "estimated from noisy pairs, as there are no clean images"
    )
    if any("psnr" in entry for entry in entries):
        learning_curves(run.figures / "curves.png", entries)
    noisy, second = source.validation(4, Generator().manual_seed(2))
    out = denoiser(Trained.from_checkpoint(run.checkpoint(torch.device("cpu"))))(noisy)
    columns = {"noisy": noisy, "denoised": out, "clean" if source.has_clean else "second capture": second}
    captions: dict[str, Sequence[str]] = {}
    if source.has_clean:
        captions = {
            title: [f"{value:.2f} dB" for value in decibels(squared_errors(images, second)).tolist()]
            for title, images in columns.items()
            if title != "clean"
        }
    before_and_after(run.figures / "before-after.png", columns, captions)
    run.write_card(state, seconds, validated)


def _read(settings: Settings) -> Source:
    with console.status("reading pictures"):
        return settings.source()


def _log(run: Run, source: Source, update: Update, seconds: float) -> None:
    entry: dict[str, object] = {"step": update.state.step, "loss": update.loss, "seconds": round(seconds, 3)}
    if update.score is not None:
        mean, overall, clean = update.score
        entry |= {"psnr": overall if mean is None else mean, "psnr_overall": overall, "clean": clean}
        epoch = -(-update.state.step // run.settings.steps_per_epoch)
        against = "" if clean else " (estimated from noisy pairs)"
        console.print(
            f"epoch {epoch}: loss {update.loss:.5f}, held-out PSNR {entry['psnr']:.2f} dB{against}, {seconds:.0f} s"
        )
    run.log(**entry)
    if update.score is not None:
        run.save(update.state, source.shape, update.score)
