"""The plot: time and memory of a step against the batch."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from n2n.bench.peers.choice import EAGER, OURS
from n2n.bench.results import Growth
from n2n.training.figures import save_figure

__all__ = ["draw_growth"]

COLORS = {OURS: "tab:red", EAGER[0]: "tab:blue", EAGER[1]: "tab:cyan", "JAX jit": "tab:green"}


def draw_growth(path: Path, growth: Growth) -> None:
    """Writes a PNG with both axes logarithmic; the legend has the fitted exponents."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(f"One training step of {growth.network}", fontsize=11)
    time, memory = figure.subplots(1, 2)
    milliseconds = {name: [1e3 * second for second in each] for name, each in growth.seconds.items()}
    megabytes = {name: [peak / 2**20 for peak in each] for name, each in growth.peaks.items()}
    _lines(time, "time (ms)", growth.batches, milliseconds, growth.time_exponents)
    _lines(memory, "peak memory (MiB)", growth.batches, megabytes, growth.memory_exponents)
    save_figure(path, figure)


def _lines(
    axes: Any, label: str, batches: list[int], curves: dict[str, list[float]], exponents: dict[str, float]
) -> None:
    axes.set_title(label, fontsize=10)
    axes.set_xlabel("batch")
    axes.set_xscale("log", base=2)
    axes.set_xticks(batches, [str(batch) for batch in batches])
    axes.set_yscale("log")
    axes.grid(alpha=0.3, which="both")
    for name, values in curves.items():
        width = 2.5 if name == OURS else 1.5
        text = f"{name}: batch^{exponents[name]:.2f}"
        axes.plot(batches, values, marker=".", color=COLORS.get(name, "tab:gray"), linewidth=width, label=text)
    if curves:
        axes.legend(fontsize=8)
    else:
        axes.text(0.5, 0.5, "not measured on this machine", ha="center", transform=axes.transAxes)
