"""The figures: curves over epochs with their spread, and images before and after."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from n2n.reproduce.results import Spread
from n2n.training.figures import save_figure

__all__ = ["Panel", "draw_curves"]

COLOURS = ("#1f6fb4", "#c8421f", "#2e8b57", "#8e5ea2", "#b8860b")

Panel = tuple[str, Mapping[str, Sequence[Spread]]]  # what is on the axis, and the curves by name


def draw_curves(path: Path, panels: Sequence[Panel], levels: Mapping[str, float] | None = None) -> None:
    """Writes a PNG with a panel beside the other, each curve's values after epoch 1, 2, …

    A band is a standard deviation to either side. `levels` are drawn across the last panel, for comparison.
    """
    figure = Figure(figsize=(4.4 * len(panels) + 1, 3.9), layout="constrained")
    names = list(dict.fromkeys(name for _, curves in panels for name in curves))
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, curves) in zip(every, panels, strict=True):
        for name, spreads in curves.items():
            _curve(axes, name, spreads, COLOURS[names.index(name)])  # one colour for a name in all panels
        axes.set_xlabel("epoch")
        axes.set_title(label, fontsize=10)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    for dashes, (name, level) in zip(("--", ":", "-."), (levels or {}).items(), strict=False):
        every[-1].axhline(level, color="0.45", linewidth=1, linestyle=dashes, label=f"{name} ({level:.2f})")
    for axes in every:
        axes.legend(fontsize=8, frameon=False)
    save_figure(path, figure)


def _curve(axes: Any, name: str, spreads: Sequence[Spread], colour: str) -> None:
    numbered = [(epoch, each.mean, each.deviation or 0.0) for epoch, each in enumerate(spreads, 1)]
    finite = [(epoch, mean, deviation) for epoch, mean, deviation in numbered if mean is not None]
    epochs = [epoch for epoch, _, _ in finite]
    axes.plot(epochs, [mean for _, mean, _ in finite], color=colour, marker=".", linewidth=1.6, label=name)
    low, high = ([mean + sign * deviation for _, mean, deviation in finite] for sign in (-1, 1))
    axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
