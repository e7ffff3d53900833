"""Pictures of a run: learning curves, and images before and after."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from n2n.images.files import write_whole
from n2n.training.scoring import validated

__all__ = ["before_and_after", "learning_curves", "save_figure"]


def learning_curves(path: Path, entries: Sequence[dict[str, float]]) -> None:
    """Writes a PNG of the loss at each step, with its running mean, and of the PSNR on held-out images.

    `entries` are the lines of a run's metrics, at least one of them with a PSNR.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    loss, quality = figure.subplots(1, 2)
    steps = [entry["step"] for entry in entries]
    values = torch.tensor([entry["loss"] for entry in entries], dtype=torch.float64)
    loss.plot(steps, values.numpy(), color="tab:blue", alpha=0.3 if len(steps) >= 40 else 1.0, linewidth=0.8)
    if len(steps) >= 40:
        width = len(steps) // 20
        mean = values.unfold(0, width, 1).mean(1)
        loss.plot(steps[width - 1 :], mean.numpy(), color="tab:blue", label=f"mean of {width} steps")
        loss.legend(fontsize=8)
    # The few steps of the beginning would flatten all that comes after.
    low, high = torch.quantile(values, torch.tensor([0.0, 0.99], dtype=torch.float64)).tolist()
    if 0 < 10 * low < high:
        loss.set_yscale("log")
        loss.set_ylim(0.8 * low, 1.2 * high)
    elif low < high:
        loss.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    scores = [entry for entry in entries if "psnr" in entry]
    marker = "." if len(scores) < 40 else None
    quality.plot([entry["step"] for entry in scores], [entry["psnr"] for entry in scores], marker=marker)
    quality.set_ylabel("dB")
    for axes, title in (
        (loss, "training loss"),
        (quality, f"PSNR on held-out images, {validated(bool(scores[-1].get('clean', True)))}"),
    ):
        axes.set_xlabel("step")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
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
