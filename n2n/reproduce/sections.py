"""Each experiment as a section of the report: its tables and figures, the report's figures beside the measured ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from n2n.metrics import decibels, squared_errors
from n2n.networks import network
from n2n.reproduce.baselines import Baseline
from n2n.reproduce.cells import Cell, Epoch, Measured
from n2n.reproduce.data import Data, Images
from n2n.reproduce.document import Block, Heading, Items, Paragraph, Picture, Table
from n2n.reproduce.experiments import BETA1, BETA2, Experiment, Row
from n2n.reproduce.parameters import load_parameters
from n2n.reproduce.plots import draw_curves
from n2n.reproduce.results import Results, Spread, highest, spread
from n2n.training.figures import before_and_after
from n2n.training.scoring import denoised

__all__ = ["Measurements", "section"]


SECONDS = "Seconds are the wall time of the training, without the measurements, of a cell on one thread beside others."


@dataclass(frozen=True)
class Measurements:
    """All that a section is made of. `sets` are the image sets that were measured, the one that counts first."""

    folder: Path
    results: Results
    baselines: Sequence[Baseline]
    sets: Mapping[str, str]  # "test" and "held_out", and what they are called

    @property
    def counts(self) -> str:
        """The image set that counts."""
        return next(iter(self.sets))


def section(experiment: Experiment, of: Measurements) -> list[Block]:
    """The section of an experiment whose cells are finished; writes its figures into the folder."""
    body = {"table3": _grid, "fig1": _rates, "fig2": _final, "fig3": _images}.get(experiment.name, _table)
    seeds = of.results.seeds(experiment)
    over = f"Mean ± standard deviation over {_either(seeds)} seeds, each from fresh parameters."
    if seeds == [1]:
        over = "One seed, from fresh parameters: there is no spread."
    blocks: list[Block] = [Heading(2, experiment.title)]
    if experiment.name != "fig3":
        blocks.append(Paragraph(over))
    blocks += body(experiment, of)
    return blocks + ([Items(experiment.notes)] if experiment.notes else [])


# Tables -----------------------------------------------------------------------------------------------------


def _table(experiment: Experiment, of: Measurements) -> list[Block]:
    """A line for each row and each baseline; a column for each figure of the report and each measurement."""
    reported = [
        ("PSNR", 2, [row.reported.psnr for row in experiment.rows]),
        ("loss", 4, [row.reported.loss for row in experiment.rows]),
        ("seconds", 0, [row.reported.seconds for row in experiment.rows]),
    ]
    header, columns = ["batch size" if experiment.name == "table2" else "network"], []
    for field, digits, figures in reported:
        if any(figure is not None for figure in figures):
            header.append(f"{field}, report")
            least = 3 if field == "loss" else digits
            shown = ["" if figure is None else f"{figure:.{_digits(figure, least)}f}" for figure in figures]
            columns.append(shown + [""] * len(of.baselines))
        if field == "seconds":
            times = [of.results.over_seeds(row.cell, lambda epoch: epoch.seconds) for row in experiment.rows]
            header.append("seconds")
            shorter = 1 if any(each.mean is not None and each.mean < 10 for each in times) else 0
            columns.append([each.text(shorter) for each in times] + [""] * len(of.baselines))
            continue
        for images, name in of.sets.items():
            for measure in ("psnr", "overall") if field == "PSNR" else ("loss",):
                spreads = [of.results.over_seeds(row.cell, _of(images, measure)) for row in experiment.rows]
                header.append(f"{ {'psnr': 'PSNR', 'overall': 'overall', 'loss': 'loss'}[measure] }, {name}")
                sign = -1 if measure == "loss" else 1
                fixed = [spread([_measure(each, images, measure)]) for each in of.baselines]
                columns.append(_bold_best(spreads, digits, sign) + [each.text(digits) for each in fixed])
    names = [row.label for row in experiment.rows] + [each.name for each in of.baselines]
    lines = [list(line) for line in zip(names, *columns, strict=True)]
    return [Table(header, lines), Paragraph(f"{_verdict(experiment, of)} {SECONDS}")]


def _grid(experiment: Experiment, of: Measurements) -> list[Block]:
    """The betas as a grid for each image set, the report's figure in parentheses."""
    blocks: list[Block] = []
    rows = {row.cell.betas: row for row in experiment.rows}
    for images, name in of.sets.items():
        spreads = {betas: of.results.over_seeds(row.cell, _of(images, "psnr")) for betas, row in rows.items()}
        best = highest(spreads.values())
        lines = []
        for beta1 in BETA1:
            line = [f"{beta1:g}"]
            for beta2 in BETA2:
                each, reported = spreads[beta1, beta2], rows[beta1, beta2].reported.psnr
                line.append(f"{_bold(each.text(2), each.mean == best)} ({reported:.2f})")
            lines.append(line)
        fixed = ", ".join(f"{each.name} {_measure(each, images, 'psnr') or 0:.2f} dB" for each in of.baselines)
        blocks += [
            Paragraph(f"PSNR per image in dB on the {name} images, in parentheses the report's. Beside it: {fixed}."),
            Table((r"β1 \ β2", *(f"{beta2:g}" for beta2 in BETA2)), lines),
        ]
    return [*blocks, Paragraph(_verdict(experiment, of))]


def _verdict(experiment: Experiment, of: Measurements) -> str:
    """Which row is best, here and in the report, and the best baseline beside it."""
    spreads = [of.results.over_seeds(row.cell, _of(of.counts, "psnr")) for row in experiment.rows]
    top = highest(spreads)
    if top is None:
        return "Every training diverged."
    best, label = next(
        (each, row.label) for each, row in zip(spreads, experiment.rows, strict=True) if each.mean == top
    )
    name = of.sets[of.counts]
    text = f"Best here, on the {name} images: **{label}** with {best.text(2)} dB"
    reported = [row for row in experiment.rows if row.reported.psnr is not None]
    if len(reported) > 1:
        theirs = max(reported, key=lambda row: row.reported.psnr or 0.0)
        text += f"; in the report: **{theirs.label}** with {theirs.reported.psnr:.2f} dB"
    blur = max(of.baselines, key=lambda each: _measure(each, of.counts, "psnr") or 0.0)
    level = _measure(blur, of.counts, "psnr") or 0.0
    return f"{text}. {blur.name}, which learns nothing, has {level:.2f} dB there, {_apart(level, top)}."


# Figures ----------------------------------------------------------------------------------------------------


def _rates(experiment: Experiment, of: Measurements) -> list[Block]:
    curves = {f"learning rate {row.label}": _curve(of, row.cell, _of(of.counts, "psnr")) for row in experiment.rows}
    name = of.sets[of.counts]
    draw_curves(of.folder / "fig1.png", [(f"PSNR per image (dB), {name} images", curves)])
    blocks: list[Block] = [Picture("fig1.png", f"PSNR on the {name} images after each of 7 epochs, by learning rate")]
    for images, called in of.sets.items():
        by_row = [_curve(of, row.cell, _of(images, "psnr")) for row in experiment.rows]
        columns = [_bold_best(list(spreads), 2) for spreads in zip(*by_row, strict=True)]
        lines = [list(line) for line in zip((row.label for row in experiment.rows), *columns, strict=True)]
        lines += [[each.name, *[f"{_measure(each, images, 'psnr') or 0:.2f}"] * len(columns)] for each in of.baselines]
        header = ("learning rate", *(f"epoch {number}" for number in range(1, len(columns) + 1)))
        blocks += [Paragraph(f"PSNR per image in dB on the {called} images."), Table(header, lines)]
    return [*blocks, Paragraph(_verdict(experiment, of))]


def _final(experiment: Experiment, of: Measurements) -> list[Block]:
    (row,) = experiment.rows
    quality = {name: _curve(of, row.cell, _of(images, "psnr")) for images, name in of.sets.items()}
    losses = {"training": _curve(of, row.cell, lambda epoch: epoch.loss)}
    losses |= {name: _curve(of, row.cell, _of(images, "loss")) for images, name in of.sets.items()}
    levels = {each.name: _measure(each, of.counts, "psnr") or 0.0 for each in of.baselines}
    levels = {f"{name}, {of.sets[of.counts]}": level for name, level in levels.items()}
    panels = [("loss (mean squared error)", losses), ("PSNR per image (dB)", quality)]
    draw_curves(of.folder / "fig2.png", panels, levels)
    epochs = [epoch for epoch in (1, 2, 3, 5, 7, 10, 15, 20) if epoch <= row.cell.epochs]
    values = {"training loss": (losses["training"], 4)}
    for images, name in of.sets.items():
        values[f"PSNR, {name}"] = quality[name], 2
        values[f"overall, {name}"] = _curve(of, row.cell, _of(images, "overall")), 2
        values[f"loss, {name}"] = losses[name], 4
    lines = [[name, *(curve[epoch - 1].text(digits) for epoch in epochs)] for name, (curve, digits) in values.items()]
    return [
        Picture("fig2.png", "Loss and PSNR of the final model after each of 20 epochs"),
        Paragraph(
            "The training loss, against noisy targets, contains their noise; the others are against clean images."
        ),
        Table(("after epoch", *map(str, epochs)), lines),
        Paragraph(_against_reported(row, of)),
    ]


def _images(experiment: Experiment, of: Measurements) -> list[Block]:
    (row,) = experiment.rows
    data = Data.open(of.folder)
    images = data.test if of.counts == "test" and data.test is not None else data.held_out
    chosen = Images(*(each[:4] for each in images))
    record = of.results.records(row.cell)[0]
    layer = network(row.cell.network, chosen.noisy.shape[1])
    like, _ = layer.init(torch.Generator(), tuple(chosen.noisy.shape[1:]))
    params = load_parameters(of.folder / "cells" / f"{record.cell.key}.safetensors", like)
    columns = {"noisy": chosen.noisy, "output": denoised(layer, params, chosen.noisy), "clean": chosen.clean}
    captions = {
        title: [f"{value:.2f} dB" for value in decibels(squared_errors(shown, chosen.clean)).tolist()]
        for title, shown in columns.items()
        if title != "clean"
    }
    before_and_after(of.folder / "fig3.png", columns, captions)
    name = of.sets[of.counts]
    return [
        Paragraph(
            f"The first four of the {name} images, and the model of Figure 2 after {len(record.epochs)} epochs, "
            f"seed {record.cell.seed}."
        ),
        Picture("fig3.png", "Noisy images, the final model's outputs and the clean images, with the PSNR of each"),
    ]


def _against_reported(row: Row, of: Measurements) -> str:
    here = of.results.over_seeds(row.cell, _of(of.counts, "psnr"))
    parts = [f"After {row.cell.epochs} epochs: {here.text(2)} dB on the {of.sets[of.counts]} images"]
    if row.reported.psnr is not None:
        parts.append(f"the report has {row.reported.psnr:.1f} dB on its own 1,000")
    parts += [f"{each.name} {_measure(each, of.counts, 'psnr') or 0:.2f} dB" for each in of.baselines]
    return "; ".join(parts) + "."


# Figures of cells -------------------------------------------------------------------------------------------


def _of(images: str, measure: str) -> Callable[[Epoch], float | None]:
    """A measurement of an epoch: `images` is test or held_out, `measure` psnr, overall or loss."""

    def value(epoch: Epoch) -> float | None:
        measured: Measured = getattr(epoch, images)
        found: float | None = getattr(measured, measure)
        return found

    return value


def _measure(baseline: Baseline, images: str, measure: str) -> float | None:
    found: float | None = getattr(getattr(baseline, images), measure)
    return found


def _curve(of: Measurements, cell: Cell, value: Callable[[Epoch], float | None]) -> list[Spread]:
    return [of.results.over_seeds(cell, value, epoch) for epoch in range(1, cell.epochs + 1)]


def _bold_best(spreads: Sequence[Spread], digits: int, sign: int = 1) -> list[str]:
    best = max((sign * each.mean for each in spreads if each.mean is not None), default=None)
    return [_bold(each.text(digits), each.mean is not None and sign * each.mean == best) for each in spreads]


def _bold(text: str, strong: bool) -> str:
    return f"**{text}**" if strong else text


def _apart(level: float, other: float) -> str:
    return f"{abs(level - other):.2f} dB {'more' if level >= other else 'less'}"


def _either(counts: Iterable[int]) -> str:
    return " or ".join(map(str, counts))


def _digits(figure: float, least: int) -> int:
    """As many as the report gives, and at least so many."""
    return max(least, len(f"{figure:.10g}".partition(".")[2]))
