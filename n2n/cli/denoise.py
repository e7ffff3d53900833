"""n2n denoise"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor

from n2n.anscombe import stabilized_deviation, stabilizing
from n2n.cli.console import DeviceOption, UnusedSeedOption, progress_bar, say, torch_device
from n2n.denoise import Tile, Track, Trained
from n2n.denoise import denoise as denoised
from n2n.errors import InputError, unknown
from n2n.files import make_folder
from n2n.images import list_images, read_image, refuse_unwritable, write_image
from n2n.noise import noises
from n2n.noise_level import noise_deviation, photon_count
from n2n.run import trained_network
from n2n.weights import bundled, names

__all__ = ["denoise"]


def denoise(
    picture: Annotated[Path, typer.Argument(help="A picture, or a folder of pictures.")],
    network: Annotated[
        Path | None,
        typer.Option("--run", help="A run folder, or a checkpoint file; a network that comes with n2n if left out."),
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            help="The kind of noise, and its strength if it is known, as in gaussian:25 or poisson:30; "
            f"{', '.join(sorted({*names(), 'poisson'}))}. Gaussian of estimated strength if left out.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A file, or for a folder a folder; beside the picture, with '-denoised', if left out."),
    ] = None,
    flips: Annotated[
        bool,
        typer.Option("--flips", help="Average over the eight flips and rotations: better, in eight times the time."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace pictures that exist.")] = False,
    seed: UnusedSeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Denoise a picture or a folder of pictures, of any size.

    Alpha, bit depth and metadata are kept. Of a folder, pictures that cannot be denoised are named at the end.

    Example: n2n denoise photo.jpg
    """
    kind, strength = _kind(noise)
    target = torch_device(device)
    if network is not None:
        trained = Trained.from_checkpoint(trained_network(network, target))
        if noise is not None and not (trained.guided and kind in TOLD):
            raise InputError(f"--noise has no effect on the network of {network}, which cannot be told: leave it out")
        kind = kind if trained.guided else "the run's"
    else:
        trained = bundled("gaussian" if kind == "poisson" else kind, target)
    orientations = 8 if flips else 1

    jobs = _jobs(picture, out)
    for _, path in jobs:
        if path.exists() and not force:
            raise InputError(f"{path} exists: replace it with --force, or give another --out")
    make_folder(jobs[0][1].parent)
    failures = []
    with progress_bar("tiles") as bar:
        task = bar.add_task("denoising", total=None, rate="–", status="")
        for number, (source, path) in enumerate(jobs, 1):

            def track(tiles: Sequence[Tile], name: str = source.name, number: int = number) -> Iterator[Tile]:
                status = f"picture {number} of {len(jobs)}"
                bar.reset(task, total=len(tiles), description=name, rate="–", status=status)
                for tile in tiles:
                    yield tile
                    bar.update(task, advance=1)
                    speed = bar.tasks[task].speed
                    bar.update(task, rate="–" if speed is None else f"{speed:.1f}")

            try:
                used = _denoise(source, path, trained, kind, strength, orientations, track)
            except InputError as error:
                if len(jobs) == 1:
                    raise
                failures.append(error)
            else:
                say(f"{path}: {used}")
    if failures:
        others = "".join(f"; {error}" for error in failures[1:])
        raise InputError(f"{len(failures)} of {len(jobs)} pictures were not denoised: {failures[0]}{others}")


TOLD = ("gaussian", "poisson")  # kinds of noise whose strength the network is told


def _kind(noise: str | None) -> tuple[str, float | None]:
    """The kind of noise and its strength, None to estimate it."""
    kind, colon, strength = (part.strip() for part in ("gaussian" if noise is None else noise).lower().partition(":"))
    known = {*names(), *TOLD}
    if kind in set(noises) - known:
        raise InputError(
            f"no network for {kind} noise comes with n2n ({', '.join(sorted(known))}): train one, for --run"
        )
    if kind not in known:
        raise unknown("noise", kind, known)
    if not colon:
        return kind, None
    if kind not in TOLD:
        raise InputError(f"noise '{noise}': the network for {kind} noise finds its strength itself; write {kind}")
    try:
        number = float(strength)
    except ValueError:
        number = -1
    if not isfinite(number) or number < 0 or (kind == "poisson" and number == 0):
        what = "its deviation on the scale of 0 to 255" if kind == "gaussian" else "the mean count of photons at white"
        raise InputError(f"noise '{noise}': write {kind} alone, or with one number, {what}, as in {kind}:30")
    return kind, number


def _denoise(
    source: Path,
    path: Path,
    trained: Trained,
    kind: str,
    strength: float | None,
    orientations: int,
    track: Track,
) -> str:
    """Denoises a file into another, and says in words what noise was taken away."""
    picture = read_image(source)
    refuse_unwritable(path, picture)
    function, used = _function(trained, kind, strength, picture.pixels)
    # The noisy pixels are let go of before the picture is written, which needs as much memory again.
    picture = replace(picture, pixels=function(picture.pixels, orientations, track))
    write_image(path, picture)
    return used


def _function(
    trained: Trained, kind: str, strength: float | None, pixels: Tensor
) -> tuple[Callable[[Tensor, int, Track], Tensor], str]:
    """What denoises the pixels, and what noise that is in words."""
    if not trained.guided or kind not in TOLD:
        words = f"{kind} noise"
        return (lambda image, orientations, track: denoised(trained, image, orientations, track=track)), words
    how = "estimated" if strength is None else "given"
    if kind == "poisson":
        peak = photon_count(pixels) if strength is None else strength
        network = trained._replace(network=stabilizing(trained.network, peak))
        sigma, words = stabilized_deviation(peak), f"Poisson noise of {peak:.3g} photons at white ({how})"
    else:
        network = trained
        sigma = float(noise_deviation(pixels[None])) if strength is None else strength / 255
        words = f"Gaussian noise of σ {255 * sigma:.1f} on the scale of 0 to 255 ({how})"
    return (lambda image, orientations, track: denoised(network, image, orientations, sigma, track)), words


def _jobs(picture: Path, out: Path | None) -> list[tuple[Path, Path]]:
    """What to read and where to write it."""
    if picture.is_dir():
        named = picture.resolve() if picture.name in ("", "..") else picture  # as "." is not
        folder = out or named.with_name(f"{picture.resolve().name}-denoised")
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; the pictures of a folder need a folder")
        return [(path, folder / path.name) for path in list_images(picture)]
    if out is not None and out.is_dir():
        return [(picture, out / picture.name)]
    return [(picture, out or picture.with_name(f"{picture.stem}-denoised{picture.suffix}"))]
