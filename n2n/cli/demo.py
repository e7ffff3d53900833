"""n2n demo"""

from pathlib import Path
from typing import Annotated

import skimage.data
import torch
import typer
from torch import Generator, Tensor

from n2n.cli.console import DeviceOption, SeedOption, comparison, console, torch_device
from n2n.cli.train import finish, fit
from n2n.denoise import Trained
from n2n.evaluation import compare, denoiser, tuned_baselines
from n2n.figures import before_and_after
from n2n.metrics import decibels, squared_errors
from n2n.noise import PointSample, Scenes
from n2n.run import Run, fresh_path
from n2n.settings import Settings
from n2n.training import begin

__all__ = ["demo", "photographs"]

CELL = 3  # pixels of the photograph for one of the small picture
SIDE = 96  # of the small pictures
TIME_LIMIT = 110.0  # seconds of training, for machines slower than the 2 cores that this was made for


def demo(
    out: Annotated[Path, typer.Option(help="Where the run folder is made.")] = Path("runs"),
    steps: Annotated[int, typer.Option(help="Training steps.")] = 500,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Train on noisy procedural pictures, and denoise photographs: a few minutes, no download.

    Example: n2n demo
    """
    target = torch_device(device)
    batch = 32
    settings = Settings(
        network="residual", noise=f"pointsample:{CELL}", batch=batch, pairs=steps * batch, epochs=1, seed=seed
    )
    console.print("making procedural pictures: dead leaves, and two noisy versions of each crop")
    source = settings.source()
    run = Run.create(fresh_path(out, "demo"), settings)
    console.print("training on noisy pairs alone")
    state, seconds = fit(run, source, begin(settings, source, target), stop=lambda taken: taken > TIME_LIMIT)
    if state.step < steps:
        console.print(f"stopped at step {state.step} of {steps} after {TIME_LIMIT:.0f} s, to end in time")
    finish(run, source, state, seconds)

    noisy, clean = photographs(seed)
    trained = Trained.from_checkpoint(run.checkpoint(target))
    denoisers = {str(baseline): baseline for baseline in tuned_baselines(source)}
    ours = f"this network ({settings.network})"
    denoisers[ours] = denoiser(trained)
    rows, outputs = compare(denoisers, noisy, clean)
    console.print(comparison(f"{len(noisy)} photographs that the network never saw", rows))
    picture = run.figures / "photographs.png"
    _draw(picture, outputs, clean, ours)
    console.print(f"before and after: {picture}\nrun folder: {run.path}")


def photographs(seed: int) -> tuple[Tensor, Tensor]:
    """Noisy and clean small pictures, (5, 3, 96, 96) each, of photographs that scikit-image ships."""
    side = CELL * SIDE
    squares = []
    for photograph in (
        skimage.data.astronaut(),
        skimage.data.chelsea(),
        skimage.data.coffee(),
        skimage.data.rocket(),
        skimage.data.stereo_motorcycle()[0],
    ):
        height, width, _ = photograph.shape
        top, left = (height - side) // 2, (width - side) // 2
        square = torch.from_numpy(photograph[top : top + side, left : left + side].copy())
        squares.append(square.permute(2, 0, 1).float() / 255)
    noise = PointSample(CELL, CELL)
    scenes = Scenes.whole(torch.stack(squares), noise)
    return noise.noisy(scenes, Generator().manual_seed(seed)), noise.clean(scenes)


def _draw(path: Path, outputs: dict[str, Tensor], clean: Tensor, ours: str) -> None:
    shown = {"noisy": outputs["noisy"]}
    shown |= {name: images for name, images in outputs.items() if name.startswith("Gaussian")}
    shown |= {"denoised, trained on noisy pairs": outputs[ours]}
    captions = {
        title: [f"{value:.2f} dB" for value in decibels(squared_errors(images, clean)).tolist()]
        for title, images in shown.items()
    }
    before_and_after(path, shown | {"clean": clean}, captions)
