"""n2n denoise"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from n2n.cli.console import DeviceOption, UnusedSeedOption, progress_bar, say, torch_device
from n2n.denoising.denoise import Tile, Track, Trained
from n2n.denoising.denoise import denoise as denoised
from n2n.denoising.known_noise import TOLD, KnownNoise, bundled_for, kinds, parse_known_noise, prepared
from n2n.errors import InputError
from n2n.images import list_images, read_image, refuse_unwritable, write_image
from n2n.images.files import make_folder
from n2n.training.run import trained_network

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
            f"{', '.join(kinds())}. Gaussian of estimated strength if left out.",
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
    known = parse_known_noise("gaussian" if noise is None else noise)
    target = torch_device(device)
    if network is not None:
        trained = Trained.from_checkpoint(trained_network(network, target))
        if noise is not None and not (trained.guided and known.kind in TOLD):
            raise InputError(f"--noise has no effect on the network of {network}, which cannot be told: leave it out")
    else:
        trained = bundled_for(known.kind, target)
    orientations = 8 if flips else 1

    jobs = _jobs(picture, out)
    for _, path in jobs:
        if path.exists() and not force:
            raise InputError(f"{path} exists: replace it with --force, or give another --out")
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
                used = _denoise(source, path, trained, known, orientations, track)
            except InputError as error:
                if len(jobs) == 1:
                    raise
                failures.append(error)
            else:
                say(f"{path}: {used}")
    if failures:
        others = "".join(f"; {error}" for error in failures[1:])
        raise InputError(f"{len(failures)} of {len(jobs)} pictures were not denoised: {failures[0]}{others}")


def _denoise(source: Path, path: Path, trained: Trained, noise: KnownNoise, orientations: int, track: Track) -> str:
    """Denoises a file into another, and says in words what noise was taken away."""
    picture = read_image(source)
    refuse_unwritable(path, picture)
    make_folder(path.parent)
    ready = prepared(trained, noise, picture.pixels)
    # The noisy pixels are let go of before the picture is written, which needs as much memory again.
    picture = replace(picture, pixels=denoised(ready.trained, picture.pixels, orientations, ready.sigma, track))
    write_image(path, picture)
    return ready.words


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
