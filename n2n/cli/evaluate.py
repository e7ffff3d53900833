"""n2n evaluate"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

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
from n2n.errors import InputError
from n2n.evaluation import (
    PICTURES,
    Crops,
    Denoiser,
    EvaluationSet,
    Measurement,
    Row,
    burst_set,
    capture_set,
    contender,
    draw_pictures,
    extremes,
    measure,
    photo_set,
    pictures_to_tune_on,
    refuse_evaluated,
    refuse_small,
    summary,
    tensor_set,
    tuned_baselines,
    write_csv,
    write_table,
)
from n2n.images.files import make_folder
from n2n.images.tensor_files import TENSOR_SUFFIXES
from n2n.metrics import SSIM_WINDOW
from n2n.training.own_pictures import own_files, same_files
from n2n.training.run import is_network
from n2n.training.settings import Settings

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

    These are blur, median filter, non-local means, wavelets, total variation and sliding cosine transforms, each tuned
    on other pictures than the ones measured.

    Example: n2n evaluate runs/mine photos/ --noise gaussian:25 --whole --out evaluation

    Without a run: n2n evaluate photos/ --noise gaussian:25
    """
    typed = given(context)
    if out is None:
        refuse(typed & {"force"}, "without --out")
    else:
        refuse_evaluated(out, force)
    if data is None and pairs is None and bursts is None and network is not None and not is_network(network):
        network, data = None, network
        typed = typed - {"network"} | {"data"}
    ours = contender(network, noise, 8 if flips else 1, torch_device(device))
    crops = _crops(typed, whole, count, size, ours.settings)
    evaluated = _images(typed, data, pairs, bursts, noise, ours.settings, crops, seed)
    refuse_small(evaluated.examples[0])
    if ours.settings is not None:
        _warn_of_own(ours.settings, evaluated.paths)
    if out is not None:
        make_folder(out)

    with console.status("tuning the baselines"):
        others = pictures_to_tune_on(evaluated, ours.settings)
        tuned = tuned_baselines(others.noisy, others.second)
    say(f"baselines tuned on {others.description}")
    denoisers: dict[str, Denoiser] = {baseline.name: baseline for baseline in tuned} | {ours.name: ours.denoiser}
    measurements = _measure(denoisers, evaluated)
    rows = summary(measurements)
    words = {baseline.name: baseline.setting for baseline in tuned}
    _print(evaluated, rows, words)
    if out is not None:
        made = {
            "images": evaluated.name,
            "count": len(evaluated.examples),
            "noise": None if evaluated.noise is None else str(evaluated.noise),
            "network": ours.name,
            "run": None if network is None else str(network),
            "seed": seed,
            "against": "clean images" if evaluated.clean else "estimated from noisy pairs",
            "baselines tuned on": others.description,
        }
        write_csv(out, measurements)
        write_table(out, rows, words, made)
        draw_pictures(out / PICTURES, extremes(denoisers, evaluated, measurements, ours.name))
        say(str(out))


DEFAULT_SIZE = 128  # pixels, of the crops for a network without a run


def _crops(typed: set[str], whole: bool, count: int, size: int | None, settings: Settings | None) -> Crops | None:
    """The crops that were asked for; None for whole pictures."""
    if count < 1:
        raise InputError(f"--count is {count}; it must be at least 1")
    if size is not None and size < SSIM_WINDOW:
        raise InputError(f"--size is {size}, and SSIM needs at least {SSIM_WINDOW} pixels on a side")
    if whole:
        refuse(typed & {"size", "count"}, "with --whole")
        return None
    return Crops(count, size or (DEFAULT_SIZE if settings is None else settings.size))


def _images(
    typed: set[str],
    data: Path | None,
    pairs: tuple[Path, Path] | None,
    bursts: Path | None,
    noise: str | None,
    settings: Settings | None,
    crops: Crops | None,
    seed: int,
) -> EvaluationSet:
    """The images to evaluate on. Raises InputError for none, for several, and for options without effect on them."""
    if sum(given is not None for given in (data, pairs, bursts)) > 1:
        raise InputError("give one of DATA, --pairs and --bursts to evaluate on, not more")
    if pairs is not None or bursts is not None:
        refuse(typed & {"noise"}, "on captures, which bring their own")
        refuse(typed & {"seed"} if crops is None else set(), "on whole captures")
    if pairs is not None:
        return capture_set(*pairs, crops, seed)
    if bursts is not None:
        return burst_set(bursts, crops, seed)
    if data is None:
        raise InputError("give a folder of clean photographs, a tensor file, --pairs A B or --bursts to evaluate on")
    if data.suffix.lower() in TENSOR_SUFFIXES:
        refuse(typed & {"noise", "size", "count", "whole", "seed"}, f"with {data}, whose images are taken as they are")
        return tensor_set(data)
    return photo_set(data, noise, settings, crops, seed)


def _warn_of_own(settings: Settings, paths: Sequence[Path]) -> None:
    own = same_files(paths, own_files(settings))
    if own:
        some = own[0].name if len(own) == 1 else f"{len(own)} of the {len(paths)} files"
        warning = f"{some} belong to the run's own pictures: on others the network may do worse"
        console.print(warning, style="yellow", markup=False)


def _measure(denoisers: dict[str, Denoiser], evaluated: EvaluationSet) -> list[Measurement]:
    measurements = []
    with progress_bar("images") as bar:
        task = bar.add_task("measuring", total=len(evaluated.examples), rate="–", status="")
        for number in range(len(evaluated.examples)):
            example = evaluated.examples[number]
            measurements += measure(denoisers, example, evaluated.clean)
            bar.update(task, advance=1, status=example.name)
            speed = bar.tasks[task].speed
            bar.update(task, rate="–" if speed is None else f"{speed:.1f}")
    return measurements


def _print(evaluated: EvaluationSet, rows: Sequence[Row], words: dict[str, str]) -> None:
    labelled = [row._replace(name=f"{row.name} ({words[row.name]})" if row.name in words else row.name) for row in rows]
    title = f"{len(evaluated.examples)} images of {evaluated.name}"
    if evaluated.clean:
        console.print(comparison(title, labelled))
        return
    say(f"{title}: PSNR estimated from noisy pairs, as there are no clean images")
    table = Table()
    table.add_column("")
    table.add_column("PSNR overall, estimated", justify="right")
    for row in labelled:
        table.add_row(row.name, f"{row.overall:.2f} dB")
    console.print(table)
