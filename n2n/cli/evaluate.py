"""n2n evaluate"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from rich.table import Table
from torch import Generator

from n2n.baselines import Baseline, baselines, tune
from n2n.cli.console import (
    DeviceOption,
    SeedOption,
    comparison,
    console,
    given,
    progress_bar,
    refuse,
    say,
    torch_device,
)
from n2n.denoise import Trained
from n2n.errors import InputError
from n2n.evaluation import (
    Denoiser,
    Example,
    Measurement,
    Row,
    best_median_worst,
    denoiser,
    examples,
    measure,
    outputs,
    poisson_denoiser,
    summary,
    tensor_images,
    whole_captures,
    whole_photos,
)
from n2n.evaluation_files import PICTURES, Shown, draw_pictures, refuse_evaluated, write_csv, write_table
from n2n.files import make_folder
from n2n.images import list_images
from n2n.noise import Noise, parse_noise
from n2n.noise_level import noise_deviation
from n2n.run import trained_network
from n2n.settings import Settings
from n2n.sources import Source, captures, photos
from n2n.sources import bursts as read_bursts
from n2n.tensor_files import TENSOR_SUFFIXES, read_tensors
from n2n.tuning import brought_noise, own_files, same_files, tuning_pictures
from n2n.weights import bundled, names

__all__ = ["evaluate"]


def evaluate(
    context: typer.Context,
    network: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN", help="A run folder, or a checkpoint file; a network that comes with n2n if left out."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA", help="A folder of clean photographs, or a .pkl, .npz or .npy file of image pairs."
        ),
    ] = None,
    pairs: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two folders of noisy captures: PSNR is estimated without clean images.", metavar="A B"),
    ] = None,
    bursts: Annotated[
        Path | None,
        typer.Option(help="A folder with a folder of noisy captures for each scene, to estimate from."),
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(help="The noise that clean photographs get, as in gaussian:25; the run's own if left out."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Each photograph or capture whole, at its own size, instead of crops.")
    ] = False,
    size: Annotated[
        int | None, typer.Option(help="Side of the crops; the run's own, or else 128, if left out.")
    ] = None,
    count: Annotated[int, typer.Option(help="How many crops.")] = 200,
    flips: Annotated[
        bool, typer.Option("--flips", help="Average the network over the eight flips and rotations.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="A folder for images.csv, table.json, and pictures of the best, median and worst image."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an evaluation in --out.")] = False,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Compare a network with the noisy input, and with denoisers that learn nothing.

    These are blur, median filter, non-local means, wavelets and total variation, each tuned on other pictures than the
    ones measured.

    Example: n2n evaluate runs/mine photos/ --noise gaussian:25 --whole --out evaluation

    Without a run: n2n evaluate photos/ --noise gaussian:25
    """
    typed = given(context)
    if out is None:
        refuse(typed & {"force"}, "without --out")
    else:
        refuse_evaluated(out, force)
    if data is None and pairs is None and bursts is None and network is not None and not _is_network(network):
        network, data = None, network
        typed = typed - {"network"} | {"data"}
    contender = _contender(network, noise, 8 if flips else 1, torch_device(device))
    settings = contender.settings
    if whole:
        refuse(typed & {"size", "count"}, "with --whole")
    if count < 1:
        raise InputError(f"--count is {count}; it must be at least 1")
    if size is not None and size < SMALLEST:
        raise InputError(f"--size is {size}, and SSIM needs at least {SMALLEST} pixels on a side")
    side = None if whole else size or (DEFAULT_SIZE if settings is None else settings.size)
    if pairs is not None:
        refuse(typed & {"data", "bursts", "noise"}, "with --pairs")
        measured = _captures(*pairs, side, count, seed)
    elif bursts is not None:
        refuse(typed & {"data", "noise"}, "with --bursts")
        measured = _bursts(bursts, side, count, seed)
    elif data is None:
        raise InputError("give a folder of clean photographs, a tensor file, --pairs A B or --bursts to evaluate on")
    elif data.suffix.lower() in TENSOR_SUFFIXES:
        refuse(typed & {"noise", "size", "count", "whole", "seed"}, f"with {data}, whose images are taken as they are")
        measured = _tensors(data)
    else:
        list_images(data)  # what is no folder of pictures is said before a noise is asked for
        measured = _photos(data, _noise(noise, settings), side, count, seed)
    _check_size(measured.examples[0])
    if settings is not None:
        _warn_of_own(settings, measured.paths)

    if out is not None:
        make_folder(out)
    tuned, told = _tuned(settings, measured)
    say(f"baselines tuned on {told}")
    denoisers: dict[str, Denoiser] = {baseline.name: baseline for baseline in tuned}
    denoisers[contender.name] = contender.denoiser
    measurements = _measure(denoisers, measured)
    rows = summary(measurements)
    words = {baseline.name: baseline.setting for baseline in tuned}
    _print(measured, rows, words)
    if out is not None:
        write_csv(out, measurements)
        made = {
            "images": measured.name,
            "count": len(measured.examples),
            "noise": None if measured.noise is None else str(measured.noise),
            "network": contender.name,
            "run": None if network is None else str(network),
            "seed": seed,
            "against": "clean images" if measured.clean else "estimated from noisy pairs",
            "baselines tuned on": told,
        }
        write_table(out, rows, words, made)
        draw_pictures(out / PICTURES, _extremes(denoisers, measured, measurements, rows, contender.name))
        say(str(out))


# What is compared -------------------------------------------------------------------------------------------


class Contender(NamedTuple):
    """The network: what it is called, what it does, and the settings of its run, if it has one."""

    name: str
    denoiser: Denoiser
    settings: Settings | None


def _is_network(path: Path) -> bool:
    return (path / "config.json").is_file() or path.suffix == ".safetensors"


def _contender(run: Path | None, noise: str | None, orientations: int, device: torch.device) -> Contender:
    """The network of a run, or without one that which comes with n2n for the kind of noise."""
    turned = "" if orientations == 1 else f", {orientations} orientations"
    if run is not None:
        checkpoint = trained_network(run, device)
        function = denoiser(Trained.from_checkpoint(checkpoint), orientations)
        return Contender(checkpoint.settings.network + turned, function, checkpoint.settings)
    kind = "gaussian" if noise is None else noise.partition(":")[0].strip().lower()
    known = sorted({*names(), "poisson"})
    if kind not in known:
        raise InputError(f"no network for {kind} noise comes with n2n ({', '.join(known)}): give the folder of a run")
    trained = bundled("gaussian" if kind == "poisson" else kind, device)
    function = poisson_denoiser(trained, orientations) if kind == "poisson" else denoiser(trained, orientations)
    return Contender(f"bundled network for {kind} noise{turned}", function, None)


# What is measured -------------------------------------------------------------------------------------------


class Measured(NamedTuple):
    """The pictures to measure on, and the files that they are from. `noise` is None where they bring their own."""

    examples: Sequence[Example]
    paths: Sequence[Path]
    noise: Noise | None
    clean: bool
    name: str


def _photos(folder: Path, noise: Noise, size: int | None, count: int, seed: int) -> Measured:
    paths = list_images(folder)
    if size is None:
        return Measured(whole_photos(paths, noise, seed), paths, noise, True, f"{folder}, whole, with {noise}")
    source = photos(folder, noise, size, held_out=1, flips=False)
    crops = examples(*source.validation(count, Generator().manual_seed(seed)))
    return Measured(crops, paths, noise, True, f"{size}×{size} from {folder} with {noise}")


def _captures(first: Path, second: Path, size: int | None, count: int, seed: int) -> Measured:
    source = captures(first, second, size or SMALLEST, held_out=1, flips=False)
    pairs = list(zip(list_images(first), list_images(second), strict=True))
    return _noisy(source, pairs, [pair[0].name for pair in pairs], str(first), size, count, seed)


def _bursts(folder: Path, size: int | None, count: int, seed: int) -> Measured:
    source = read_bursts(folder, size or SMALLEST, held_out=1, flips=False)
    scenes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    pairs = [(first, second) for first, second, *_ in map(list_images, scenes)]
    return _noisy(source, pairs, [scene.name for scene in scenes], str(folder), size, count, seed)


def _noisy(
    source: Source,
    pairs: Sequence[tuple[Path, Path]],
    names: Sequence[str],
    where: str,
    size: int | None,
    count: int,
    seed: int,
) -> Measured:
    """Two captures of each scene, whole, or crops of them."""
    paths = [path for pair in pairs for path in pair]
    if size is None:
        return Measured(whole_captures(names, pairs), paths, None, False, f"{where}, whole")
    crops = examples(*source.validation(count, Generator().manual_seed(seed)))
    return Measured(crops, paths, None, False, f"{size}×{size} from {where}")


def _tensors(path: Path) -> Measured:
    content = read_tensors(path)
    pictures = tensor_images(content)
    height, width = pictures[0].noisy.shape[1:]
    return Measured(pictures, [path], None, content.clean is not False, f"{width}×{height} from {path}")


DEFAULT_SIZE = 128  # pixels, of the crops for a network without a run
SMALLEST = 11  # pixels on a side, for SSIM's window


def _check_size(example: Example) -> None:
    height, width = example.noisy.shape[1:]
    if min(height, width) < SMALLEST:
        raise InputError(
            f"image {example.name} is {width}×{height}, and SSIM needs {SMALLEST} pixels on a side: "
            "measure larger images"
        )


def _noise(given: str | None, settings: Settings | None) -> Noise:
    if settings is None:
        if given is None:
            raise InputError("say which noise the photographs get: give --noise, as in --noise gaussian:25")
        return parse_noise(given)
    if given is None and brought_noise(settings):
        raise InputError("the run's captures brought their own noise: give --noise, as in --noise gaussian:25")
    return parse_noise(given or settings.noise)


def _warn_of_own(settings: Settings, paths: Sequence[Path]) -> None:
    own = same_files(paths, own_files(settings))
    if own:
        some = own[0].name if len(own) == 1 else f"{len(own)} of the {len(paths)} files"
        warning = f"{some} belong to the run's own pictures: on others the network may do worse"
        console.print(warning, style="yellow", markup=False)


# Denoising --------------------------------------------------------------------------------------------------


def _tuned(settings: Settings | None, measured: Measured) -> tuple[list[Baseline], str]:
    """The baselines at their best, and on what."""
    with console.status("tuning the baselines"):
        few = [measured.examples[number].noisy for number in range(min(5, len(measured.examples)))]
        sigma = sum(float(noise_deviation(image[None])) for image in few) / len(few)
        size = min(min(image.shape[1:]) for image in few)
        pictures = tuning_pictures(settings, measured.noise, size, measured.paths, sigma)
        tuned = [tune(baseline, pictures.noisy, pictures.second) for baseline in baselines.values()]
    return tuned, pictures.description


def _measure(denoisers: dict[str, Denoiser], measured: Measured) -> list[Measurement]:
    measurements = []
    with progress_bar("images") as bar:
        task = bar.add_task("measuring", total=len(measured.examples), rate="–", status="")
        for number in range(len(measured.examples)):
            example = measured.examples[number]
            _check_size(example)
            measurements += measure(denoisers, example, measured.clean)
            bar.update(task, advance=1, status=example.name)
            speed = bar.tasks[task].speed
            bar.update(task, rate="–" if speed is None else f"{speed:.1f}")
    return measurements


# Showing ----------------------------------------------------------------------------------------------------


def _print(measured: Measured, rows: Sequence[Row], words: dict[str, str]) -> None:
    labelled = [row._replace(name=f"{row.name} ({words[row.name]})" if row.name in words else row.name) for row in rows]
    title = f"{len(measured.examples)} images of {measured.name}"
    if measured.clean:
        console.print(comparison(title, labelled))
        return
    say(f"{title}: PSNR estimated from noisy pairs, as there are no clean images")
    table = Table()
    table.add_column("")
    table.add_column("PSNR overall, estimated", justify="right")
    for row in labelled:
        table.add_row(row.name, f"{row.overall:.2f} dB")
    console.print(table)


def _extremes(
    denoisers: dict[str, Denoiser],
    measured: Measured,
    measurements: Sequence[Measurement],
    rows: Sequence[Row],
    ours: str,
) -> list[Shown]:
    """The network's best, median and worst picture, beside the baseline that is the best over all."""
    best = max((row for row in rows if row.name in baselines), key=lambda row: row.overall).name
    shown = []
    for title, number in best_median_worst(measurements, ours).items():
        example = measured.examples[number]
        versions = outputs({name: denoisers[name] for name in (best, ours)}, example.noisy[None])
        figures = {each.method: each for each in measurements[number * len(rows) : (number + 1) * len(rows)]}
        captions = {name: _caption(figures[name]) for name in versions}
        pictures = {name: version[0] for name, version in versions.items()}
        pictures["clean" if measured.clean else "other capture"] = example.second
        shown.append(Shown(f"{title}: image {example.name}", pictures, captions))
    return shown


def _caption(figures: Measurement) -> str:
    if figures.ssim is None:
        return f"about {figures.psnr:.2f} dB"
    return f"{figures.psnr:.2f} dB, SSIM {figures.ssim:.3f}"
