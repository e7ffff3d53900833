"""n2n train"""

from pathlib import Path
from typing import Annotated

import typer

from n2n.cli.console import DeviceOption, SeedOption, console, given, refuse, say, torch_device
from n2n.cli.fitting import SAVE_EVERY, finish, fit
from n2n.errors import InputError
from n2n.images.tensor_files import TENSOR_SUFFIXES
from n2n.sources import Source
from n2n.training.loop import begin
from n2n.training.losses import losses
from n2n.training.run import Run, fresh_path, refuse_existing
from n2n.training.settings import Settings

__all__ = ["train"]


def train(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A folder of clean photographs, or a .pkl, .npz or .npy file of pairs; procedural images if left out."
        ),
    ] = None,
    pairs: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two folders of noisy captures: equal names show the same scene.", metavar="A B"),
    ] = None,
    bursts: Annotated[
        Path | None, typer.Option(help="A folder with a folder for each scene, of two or more noisy captures each.")
    ] = None,
    noise: Annotated[str, typer.Option(help="The noise that clean images get, as in gaussian:25.")] = "pointsample",
    validation: Annotated[
        Path | None, typer.Option(help="A .pkl or .npz file of noisy and clean images to validate on.")
    ] = None,
    targets: Annotated[
        str, typer.Option(help="noisy, or clean for comparison with training that knows the clean images.")
    ] = "noisy",
    flips: Annotated[
        bool | None,
        typer.Option(
            "--flips/--no-flips",
            help="Whether images are flipped and turned; if left out, crops are, and those of a tensor file are not.",
        ),
    ] = None,
    network: Annotated[str, typer.Option(help="The network; 'n2n info' lists them.")] = "residual",
    loss: Annotated[str, typer.Option(help=", ".join(losses) + ".")] = "l2",
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
    betas: Annotated[tuple[float, float], typer.Option(help="Decays of Adam's two running means.")] = (0.9, 0.999),
    schedule: Annotated[
        str, typer.Option(help="constant; or to zero: rampdown over the second half, cosine or linear over the whole.")
    ] = "rampdown",
    average: Annotated[
        float | None,
        typer.Option(help="Decay of a moving average of the parameters, as in 0.999: validated and denoised with."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; a fresh one under runs/ if left out.")] = None,
    save_every: Annotated[
        float, typer.Option(help="Seconds after which a checkpoint is saved, besides those at the end of each epoch.")
    ] = SAVE_EVERY,
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
    if not save_every > 0:
        raise InputError(f"--save-every is {save_every:g} seconds; it must be positive")
    if resume is not None:
        refuse(typed - {"resume", "device", "save_every"}, "with --resume, as the run's settings hold")
        run = Run.open(resume)
        settings = run.settings
        reached = run.state(target)
        source = _read(settings)
        run.refuse_changed_pictures()
        state = reached or begin(settings, source, target)
        run.go_on_from(state.step)
    else:
        is_file = data is not None and data.suffix.lower() in TENSOR_SUFFIXES
        if is_file:
            refuse(typed & {"noise", "size"}, f"with {data}, whose images are taken as they are")
        else:
            refuse(typed & {"validation"}, "without a tensor file to train on")
        if pairs is not None or bursts is not None:
            refuse(typed & {"noise"}, "on captures, which bring their own")
        settings = Settings(
            network=network,
            loss=loss,
            noise=noise,
            photos=str(data.absolute()) if data is not None and not is_file else None,
            tensors=str(data.absolute()) if data is not None and is_file else None,
            captures=(str(pairs[0].absolute()), str(pairs[1].absolute())) if pairs is not None else None,
            bursts=None if bursts is None else str(bursts.absolute()),
            targets=targets,
            flips=flips,
            validation=None if validation is None else str(validation.absolute()),
            size=size,
            pairs=count,
            epochs=epochs,
            batch=batch,
            lr=lr,
            betas=betas,
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
    state, seconds = fit(run, source, state, save_every=save_every)
    finish(run, source, state, seconds)
    say(str(run.path))


def _read(settings: Settings) -> Source:
    with console.status("reading pictures"):
        return settings.source()
