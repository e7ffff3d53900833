"""n2n evaluate"""

from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.table import Table
from torch import Generator, Tensor

from n2n.baselines import baselines
from n2n.cli.console import DeviceOption, SeedOption, comparison, console, torch_device
from n2n.denoise import Trained
from n2n.errors import InputError
from n2n.evaluation import Denoiser, compare, denoiser, estimate, tuned_baselines
from n2n.figures import before_and_after
from n2n.metrics import decibels, squared_errors
from n2n.noise import parse_noise
from n2n.run import trained_network
from n2n.settings import Settings
from n2n.sources import captures, photos
from n2n.tensor_files import read_tensors

__all__ = ["evaluate"]


def evaluate(
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
    figure: Annotated[Path | None, typer.Option(help="Where to write a picture of the first images.")] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Compare a trained network with the noisy input and with blur, median filter and non-local means.

    The baselines are tuned on the run's own held-out images, never on the ones measured.

    Example: n2n evaluate runs/net4-1 photos/ --noise pointsample
    """
    checkpoint = trained_network(network, torch_device(device))
    settings = checkpoint.settings
    noisy, second, clean = _images(settings, data, pairs, noise, size or settings.size, count, seed)
    with console.status("tuning the baselines"):
        source = settings.source()
        tuned = tuned_baselines(source) if source.has_clean else list(baselines.values())
    denoisers: dict[str, Denoiser] = {str(baseline): baseline for baseline in tuned}
    denoisers[settings.network] = denoiser(Trained.from_checkpoint(checkpoint))
    title = f"{len(noisy)} images of {noisy.shape[3]}×{noisy.shape[2]}"
    if clean:
        rows, outputs = compare(denoisers, noisy, second)
        console.print(comparison(title, rows))
    else:
        outputs = {"noisy": noisy} | {name: function(noisy) for name, function in denoisers.items()}
        table = Table(title=f"{title}, estimated from noisy pairs: there are no clean images", title_justify="left")
        table.add_column("")
        table.add_column("PSNR overall", justify="right")
        estimates = estimate(denoisers, noisy, second)
        table.add_row("noisy", f"{next(iter(estimates.values())).noisy:.2f} dB")
        for name, estimated in estimates.items():
            table.add_row(name, f"{estimated.denoised:.2f} dB")
        console.print(table)
    if figure is not None:
        _draw(figure, outputs, second, clean)
        console.print(str(figure))


def _images(
    settings: Settings,
    data: Path | None,
    pairs: tuple[Path, Path] | None,
    noise: str | None,
    size: int,
    count: int,
    seed: int,
) -> tuple[Tensor, Tensor, bool]:
    """Noisy images, their clean or second noisy ones, and which of the two it is."""
    generator = Generator().manual_seed(seed)
    if pairs is not None:
        source = captures(*pairs, size=size, held_out=1.0)
        return *source.validation(count, generator), False
    if data is None:
        raise InputError("give a folder of clean photographs, a tensor file, or --pairs A B to evaluate on")
    if data.suffix.lower() in (".pkl", ".npz", ".pt"):
        content = read_tensors(data)
        # A .pkl does not say what its second tensor is; in the course's validation file it is clean.
        clean = content.clean or data.suffix.lower() != ".npz"
        return *content.images(torch.arange(len(content.noisy))), clean
    album = photos(data, parse_noise(noise or settings.noise), size, held_out=1.0, flips=False)
    return *album.validation(count, generator), True


def _draw(path: Path, outputs: dict[str, Tensor], second: Tensor, clean: bool) -> None:
    columns = {name: images[:4] for name, images in outputs.items()}
    captions = {}
    if clean:
        for name, images in columns.items():
            captions[name] = [f"{value:.2f} dB" for value in decibels(squared_errors(images, second[:4])).tolist()]
    before_and_after(path, columns | {"clean" if clean else "second capture": second[:4]}, captions)
