"""n2n evaluate"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from torch import Generator, Tensor

from n2n.baselines import Baseline, baselines
from n2n.cli.console import DeviceOption, SeedOption, comparison, console, given, refuse, torch_device
from n2n.denoise import Trained
from n2n.errors import InputError
from n2n.evaluation import Denoiser, compare, denoiser, estimate, outputs, tuned_baselines
from n2n.figures import before_and_after
from n2n.metrics import decibels, squared_errors
from n2n.noise import parse_noise
from n2n.run import trained_network
from n2n.settings import Settings
from n2n.sources import captures, photos
from n2n.tensor_files import TENSOR_SUFFIXES, read_tensors

__all__ = ["evaluate"]


def evaluate(
    context: typer.Context,
    network: Annotated[Path, typer.Argument(help="A run folder, or a checkpoint file.")],
    data: Annotated[
        Path | None,
        typer.Argument(help="A folder of clean photographs, or a .pkl or .npz file of noisy and clean images."),
    ] = None,
    pairs: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two folders of noisy captures: PSNR is estimated without clean images.", metavar="A B"),
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="The noise that clean photographs get; the run's own if left out.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the crops; the run's own if left out.")] = None,
    count: Annotated[int, typer.Option(help="How many crops.")] = 200,
    figure: Annotated[Path | None, typer.Option(help="Where to draw the first four images.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the figure if it exists.")] = False,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Compare a trained network with the noisy input and with blur, median filter and non-local means.

    The baselines are tuned on the run's own held-out images, never on the ones measured.

    Example: n2n evaluate runs/net4-1 photos/ --noise pointsample
    """
    if figure is not None and figure.exists() and not force:
        raise InputError(f"{figure} exists: replace it with --force, or give another --figure")
    checkpoint = trained_network(network, torch_device(device))
    settings = checkpoint.settings
    typed, generator = given(context), Generator().manual_seed(seed)
    if pairs is not None:
        refuse(typed & {"data", "noise"}, "with --pairs")
        noisy, second = captures(*pairs, size=size or settings.size, held_out=1).validation(count, generator)
        clean = False
    elif data is None:
        raise InputError("give a folder of clean photographs, a tensor file, or --pairs A B to evaluate on")
    elif data.suffix.lower() in TENSOR_SUFFIXES:
        refuse(typed & {"noise", "size", "count"}, f"with {data}, whose images are all taken as they are")
        content = read_tensors(data)
        noisy, second = content.images()
        # Only a .npz says what its second images are; in the course's validation file they are clean.
        clean = content.clean or data.suffix.lower() != ".npz"
    else:
        album = photos(data, parse_noise(noise or settings.noise), size or settings.size, held_out=1, flips=False)
        noisy, second = album.validation(count, generator)
        clean = True

    denoisers: dict[str, Denoiser] = {str(baseline): baseline for baseline in _baselines(settings)}
    denoisers[settings.network] = denoiser(Trained.from_checkpoint(checkpoint))
    images = outputs(denoisers, noisy)
    title = f"{len(noisy)} images of {noisy.shape[3]}×{noisy.shape[2]}"
    if clean:
        console.print(comparison(title, compare(images, second)))
    else:
        table = Table(title=f"{title}, estimated from noisy pairs: there are no clean images", title_justify="left")
        table.add_column("")
        table.add_column("PSNR overall", justify="right")
        for name, estimated in estimate(images, second).items():
            table.add_row(name, f"{estimated:.2f} dB")
        console.print(table)
    if figure is not None:
        _draw(figure, images, second, clean)
        console.print(str(figure))


def _baselines(settings: Settings) -> Sequence[Baseline]:
    """The baselines, tuned where the pictures that the run was trained on are there and have clean versions."""
    try:
        with console.status("tuning the baselines"):
            source = settings.source()
            if source.has_clean:
                return tuned_baselines(source)
            reason = "the run has no clean images to tune them on"
    except InputError as error:
        reason = f"the run's pictures cannot be read: {error}"
    console.print(f"The baselines have their default parameters, as {reason}.")
    return list(baselines.values())


def _draw(path: Path, versions: dict[str, Tensor], second: Tensor, clean: bool) -> None:
    columns = {name: images[:4] for name, images in versions.items()}
    captions = {}
    if clean:
        for name, images in columns.items():
            captions[name] = [f"{value:.2f} dB" for value in decibels(squared_errors(images, second[:4])).tolist()]
    before_and_after(path, columns | {"clean" if clean else "second capture": second[:4]}, captions)
