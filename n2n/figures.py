"""Pictures of a run: learning curves, and images before and after."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from n2n.files import write_whole

__all__ = ["before_and_after", "learning_curves", "save_figure"]


def learning_curves(path: Path, entries: Sequence[dict[str, float]]) -> None:
    """Writes a PNG of the loss at each step and, where it was taken, the PSNR on held-out images."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    loss, quality = figure.subplots(1, 2)
    losses = [(entry["step"], entry["loss"]) for entry in entries if "loss" in entry]
    scores = [(entry["step"], entry["psnr"]) for entry in entries if "psnr" in entry]
    for axes, points, label in ((loss, losses, "training loss"), (quality, scores, "PSNR on held-out images (dB)")):
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 40 else None, color="tab:blue")
        axes.set_xlabel("step")
        axes.set_title(label, fontsize=10)
        axes.grid(alpha=0.3)
    if all(value > 0 for _, value in losses):
        loss.set_yscale("log")
    save_figure(path, figure)


def before_and_after(path: Path, columns: dict[str, Tensor], captions: Mapping[str, Sequence[str]]) -> None:
    """Writes a PNG with a row for each image and a column for each of several versions of it.

    Args:
        columns: (N, C, H, W) in about [0, 1], by title.
        captions: for a title, a line under each of its images.
    """
    count = len(next(iter(columns.values())))
    figure = Figure(figsize=(2.6 * len(columns), 2.75 * count), layout="constrained")
    grid = figure.subplots(count, len(columns), squeeze=False)
    for column, (title, images) in enumerate(columns.items()):
        for row, image in enumerate(images):
            axes: Any = grid[row, column]
            array = image.clamp(0, 1).permute(1, 2, 0).numpy()
            axes.imshow(array.squeeze(-1) if array.shape[-1] == 1 else array, cmap="gray", interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_xlabel(captions[title][row] if title in captions else "", fontsize=9)
            if row == 0:
                axes.set_title("\n".join(textwrap.wrap(title, 26)), fontsize=11)
    save_figure(path, figure)


def save_figure(path: Path, figure: Figure) -> None:
    """Writes a figure as a PNG, whole or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    write_whole(path, buffer.getvalue())
