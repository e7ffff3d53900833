"""The report's tables and figures as plain data: the cells of each, and the figures that the report gives.

The report is "Noise2Noise from scratch: Miniproject 2 for Deep Learning (EE-559)" by Fantini, Okumuş and Vaudaux
(2022). A row is the settings of one training; every seed is a cell of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from n2n.reproduce.cells import Cell

__all__ = ["Experiment", "Reported", "Row", "experiments", "needed"]


@dataclass(frozen=True)
class Reported:
    """What the report says of a row: PSNR in dB, test loss, seconds; None where it says nothing."""

    psnr: float | None = None
    loss: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Row:
    """One training of an experiment, at seed 0, and the report's figures of it."""

    label: str
    cell: Cell
    reported: Reported = Reported()


@dataclass(frozen=True)
class Experiment:
    """A table or a figure of the report. `notes` say what a reader has to know of the report's own figures."""

    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


BETA1, BETA2 = (0.8, 0.85, 0.9, 0.99, 0.999), (0.8, 0.9, 0.99, 0.999)
GRID = (
    (20.34, 21.05, 21.21, 21.30),
    (21.39, 21.51, 21.55, 21.58),
    (21.65, 21.72, 21.75, 21.77),
    (15.88, 15.15, 16.62, 17.42),
    (17.61, 13.53, 14.39, 11.32),
)

CONTRADICTION = (
    "The report contradicts itself on one setting (Net4, batch 100, learning rate 0.001, default betas, 3 epochs): "
    "22.24 dB in Table I, 22.53 dB in Table II, 21.77 dB in Table III (batch not stated), about 20.2 to 20.9 dB at "
    "epoch 3 of its figures."
)

TABLE1 = Experiment(
    "table1",
    "Table I: four networks after 3 epochs (batch 100, learning rate 0.001)",
    (
        Row("Net1", Cell("net1", batch=100), Reported(21.92, 0.0074)),
        Row("Net2", Cell("net2", batch=100), Reported(22.058, 0.0072)),
        Row("Net3", Cell("net3", batch=100), Reported(19.76, 0.012)),
        Row("Net4", Cell("net4", batch=100), Reported(22.24, 0.0069)),
    ),
    (CONTRADICTION,),
)

TABLE2 = Experiment(
    "table2",
    "Table II: Net4 after 3 epochs at six batch sizes (learning rate 0.001)",
    (
        Row("1", Cell(batch=1), Reported(22.2886, 0.00691, 1743.48)),
        Row("10", Cell(batch=10), Reported(22.4816, 0.00669, 1408.66)),
        Row("50", Cell(batch=50), Reported(22.5281, 0.00665, 541.32)),
        Row("100", Cell(batch=100), Reported(22.5321, 0.00663, 604.10)),
        Row("200", Cell(batch=200), Reported(22.5335, 0.00663, 627.09)),
        Row("400", Cell(batch=400), Reported(22.5404, 0.00660, 568.40)),
    ),
    (
        CONTRADICTION,
        "Its figures rise with the batch size, by 0.25 dB from batch 1 to 400. A likely cause is that one network went "
        "on training from one row to the next; here every cell begins with fresh parameters.",
    ),
)

TABLE3 = Experiment(
    "table3",
    "Table III: Net4 after 3 epochs over a grid of Adam's betas (batch 400, learning rate 0.001)",
    tuple(
        Row(f"({beta1:g}, {beta2:g})", Cell(betas=(beta1, beta2)), Reported(GRID[i][j]))
        for i, beta1 in enumerate(BETA1)
        for j, beta2 in enumerate(BETA2)
    ),
    ("The report does not state the batch size of this table; 400 is the one that it had settled on.", CONTRADICTION),
)

FIG1 = Experiment(
    "fig1",
    "Figure 1: Net4 over 7 epochs at five learning rates (batch 400)",
    tuple(Row(f"{lr:g}", Cell(lr=lr, epochs=7)) for lr in (0.0005, 0.001, 0.005, 0.01, 0.05)),
    (
        "The report's text names learning rates of 0.001 and 0.05; the others that its figure shows cannot be read, so "
        "0.0005, 0.005 and 0.01 are chosen here. It finds 0.05 unstable from epoch 5 and 0.001 the best.",
    ),
)

FIG2 = Experiment(
    "fig2",
    "Figure 2: training of the final model (Net4, batch 400, learning rate 0.001, 20 epochs)",
    (Row("final model", Cell(epochs=20), Reported(psnr=22.6)),),
    ("The report gives the final model 22.6 dB, in words.",),
)

FIG3 = Experiment(
    "fig3",
    "Figure 3: noisy image, the final model's output, clean image",
    (Row("final model", Cell(epochs=20), Reported(psnr=22.6)),),
)

TRANSPOSED = Experiment(
    "transposed",
    "Transposed convolution against nearest neighbour and convolution, after 3 epochs (batch 100, learning rate 0.001)",
    tuple(
        Row(f"{label}{', transposed' if variant else ''}", Cell(f"{name}{variant}", batch=100))
        for label, name in (
            ("Net1", "net1"),
            ("Net2", "net2"),
            ("Net3", "net3"),
            ("Net4", "net4"),
            ("stride 1", "stride1"),
        )
        for variant in ("", "-transposed")
    ),
    ("This is the comparison that the report names as future work; it has no figures of its own for it.",),
)

experiments: dict[str, Experiment] = {
    experiment.name: experiment for experiment in (TABLE1, TABLE2, TABLE3, FIG1, FIG2, FIG3, TRANSPOSED)
}


def needed(chosen: Iterable[Experiment], seeds: Sequence[int]) -> list[Cell]:
    """The cells of experiments, each once: of those that differ in the number of epochs alone, the longest.

    A training of 20 epochs has been, after 3, a training of 3: the rate is constant and the shuffles are the seed's.
    """
    longest: dict[Cell, int] = {}
    for experiment in chosen:
        for row in experiment.rows:
            for seed in seeds:
                course = replace(row.cell, seed=seed, epochs=1)
                longest[course] = max(longest.get(course, 0), row.cell.epochs)
    return [replace(course, epochs=epochs) for course, epochs in longest.items()]
