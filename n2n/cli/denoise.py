"""n2n denoise"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from n2n.cli.console import DeviceOption, UnusedSeedOption, console, progress_bar, torch_device
from n2n.denoise import Trained
from n2n.denoise import denoise as denoised
from n2n.errors import InputError
from n2n.images import list_images, read_image, write_image
from n2n.run import trained_network

__all__ = ["denoise"]


def denoise(
    picture: Annotated[Path, typer.Argument(help="A picture, or a folder of pictures.")],
    network: Annotated[Path, typer.Option("--run", help="A run folder, or a checkpoint file.")],
    out: Annotated[
        Path | None,
        typer.Option(help="A file, or for a folder a folder; beside the picture, with '-denoised', if left out."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace pictures that exist.")] = False,
    seed: UnusedSeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Denoise a picture or a folder of pictures, of any size.

    Alpha, bit depth and metadata are kept.

    Example: n2n denoise photo.jpg --run runs/demo-1 --out clean.png
    """
    trained = Trained.from_checkpoint(trained_network(network, torch_device(device)))
    jobs = _jobs(picture, out)
    for _, target in jobs:
        if target.exists() and not force:
            raise InputError(f"{target} exists: replace it with --force, or give another --out")
    with progress_bar("pictures") as bar:
        task = bar.add_task("denoising", total=len(jobs), rate="–", status="")
        for source, target in jobs:
            original = read_image(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_image(target, replace(original, pixels=denoised(trained, original.pixels)))
            bar.update(task, advance=1, status=source.name)
            speed = bar.tasks[task].speed
            bar.update(task, rate="–" if speed is None else f"{speed:.1f}")
    console.print(f"{jobs[0][1] if len(jobs) == 1 else jobs[0][1].parent}")


def _jobs(picture: Path, out: Path | None) -> list[tuple[Path, Path]]:
    """What to read and where to write it."""
    if picture.is_dir():
        folder = out or picture.with_name(f"{picture.resolve().name}-denoised")
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; the pictures of a folder need a folder")
        return [(path, folder / path.name) for path in list_images(picture)]
    if out is not None and out.is_dir():
        return [(picture, out / picture.name)]
    return [(picture, out or picture.with_name(f"{picture.stem}-denoised{picture.suffix}"))]
