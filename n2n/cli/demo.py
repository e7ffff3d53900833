"""n2n demo"""

from pathlib import Path
from typing import Annotated

import skimage.data
import torch
import typer
from torch import Generator, Tensor

from n2n.cli.console import DeviceOption, SeedOption, comparison, console, say, torch_device
from n2n.cli.fitting import finish, fit
from n2n.denoising.denoise import Trained
from n2n.evaluation import Denoiser, compare, denoiser, outputs, tuned_baselines
from n2n.metrics import decibels, squared_errors
from n2n.noise import PointSample
from n2n.noise.scenes import Scenes
from n2n.training.figures import before_and_after
from n2n.training.loop import begin
from n2n.training.run import Run, fresh_path
from n2n.training.settings import Settings

__all__ = ["demo", "photographs"]

CELL = 3  # pixels of a photograph that one pixel of the small picture stands for
SIDE = 96  # of the small pictures
TIME_LIMIT = 90.0  # seconds of training, for machines slower than the 2 cores that this was made for


def demo(
    out: Annotated[Path, typer.Option(help="Where the run folder is made.")] = Path("runs"),
    epochs: Annotated[int, typer.Option(help="How long to train, in epochs of 50 steps.")] = 20,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Train on noisy procedural pictures, and denoise photographs: a few minutes, no download.

    Example: n2n demo
    """
    target = torch_device(device)
    settings = Settings(noise=f"pointsample:{CELL}", batch=32, pairs=50 * 32, epochs=epochs, seed=seed)
    console.print("making procedural pictures: dead leaves, and two noisy versions of each crop")
    source = settings.source()
    run = Run.create(fresh_path(out, "demo"), settings)
    console.print("training on noisy pairs alone")
    state, seconds = fit(run, source, begin(settings, source, target), TIME_LIMIT)
    finish(run, source, state, seconds)

    noisy, clean = photographs(seed)
    trained = Trained.from_checkpoint(run.checkpoint(target))
    held_out = source.validation(50, Generator().manual_seed(1))
    denoisers: dict[str, Denoiser] = {str(baseline): baseline for baseline in tuned_baselines(*held_out)}
    ours = f"{settings.network} network"
    denoisers[ours] = denoiser(trained)
    images = outputs(denoisers, noisy)
    console.print(comparison(f"{len(noisy)} photographs that the network never saw", compare(images, clean)))
    picture = run.figures / "photographs.png"
    _draw(picture, images, clean, ours)
    say(f"before and after: {picture}\nrun folder: {run.path}")


def photographs(seed: int) -> tuple[Tensor, Tensor]:
    """Noisy and clean small pictures, (5, 3, 96, 96) each, of photographs that scikit-image ships."""
    side = CELL * SIDE
    squares = []
    for photograph, top, left in (
        (skimage.data.astronaut(), 0, 80),
        (skimage.data.chelsea(), 6, 81),
        (skimage.data.coffee(), 56, 156),
        (skimage.data.rocket(), 69, 176),
        (skimage.data.stereo_motorcycle()[0], 106, 226),
    ):
        square = torch.from_numpy(photograph[top : top + side, left : left + side].copy())
        squares.append(square.permute(2, 0, 1).float() / 255)
    noise = PointSample(CELL, CELL)
    scenes = Scenes.whole(torch.stack(squares), noise)
    return noise.noisy(scenes, Generator().manual_seed(seed)), noise.clean(scenes)


def _draw(path: Path, images: dict[str, Tensor], clean: Tensor, ours: str) -> None:
    shown = {"noisy": images["noisy"]}
    shown |= {name: blurred for name, blurred in images.items() if name.startswith("Gaussian")}
    shown |= {"trained on noisy pairs": images[ours]}
    captions = {
        title: [f"{value:.2f} dB" for value in decibels(squared_errors(version, clean)).tolist()]
        for title, version in shown.items()
    }
    before_and_after(path, shown | {"clean": clean}, captions)
