"""What the cells of an experiment say together: mean and spread over seeds, epoch by epoch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from n2n.reproduce.cells import Cell, Epoch, Record
from n2n.reproduce.experiments import Experiment

__all__ = ["Results", "Spread", "spread"]


@dataclass(frozen=True)
class Spread:
    """The mean over seeds, their sample standard deviation (None for one seed), and how many they are.

    `mean` is None where all of them diverged; `diverged` of `count` did.
    """

    mean: float | None
    deviation: float | None
    count: int
    diverged: int = 0

    def text(self, digits: int) -> str:
        """As a table shows it.

        >>> Spread(22.235, 0.042, 3).text(2)
        '22.23 ± 0.04'
        """
        if self.mean is None:
            return "diverged"
        shown = f"{self.mean:.{digits}f}"
        if self.deviation is not None:
            shown += f" ± {self.deviation:.{digits}f}"
        return shown + (f" ({self.diverged} of {self.count} diverged)" if self.diverged else "")


def spread(values: Sequence[float | None]) -> Spread:
    """The spread of the numbers; None stands for a training that diverged.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, deviation=1.0, count=3, diverged=0)
    """
    numbers = [value for value in values if value is not None]
    return Spread(
        mean=fmean(numbers) if numbers else None,
        deviation=stdev(numbers) if len(numbers) > 1 else None,
        count=len(values),
        diverged=len(values) - len(numbers),
    )


class Results:
    """The finished cells of a folder."""

    def __init__(self, records: Mapping[str, dict[str, Any]]) -> None:
        self._trainings: dict[Cell, dict[int, Record]] = {}
        for content in records.values():
            if "epochs" in content:
                record = Record.of(content)
                self._trainings.setdefault(_course(record.cell), {})[record.cell.seed] = record

    def records(self, cell: Cell) -> list[Record]:
        """A record for each seed of a cell, as long as the cell or longer, in the order of the seeds."""
        found = self._trainings.get(_course(cell), {})
        return [found[seed] for seed in sorted(found) if len(found[seed].epochs) >= cell.epochs]

    def complete(self, experiment: Experiment) -> bool:
        """Whether each row has a seed at least."""
        return all(self.records(row.cell) for row in experiment.rows)

    def seeds(self, experiment: Experiment) -> list[int]:
        """How many seeds the rows have, each number once."""
        return sorted({len(self.records(row.cell)) for row in experiment.rows})

    def over_seeds(self, cell: Cell, value: Callable[[Epoch], float | None], epoch: int | None = None) -> Spread:
        """The spread of a value after an epoch, by default the cell's last."""
        at = (cell.epochs if epoch is None else epoch) - 1
        return spread([value(record.epochs[at]) for record in self.records(cell)])


def highest(spreads: Iterable[Spread]) -> float | None:
    """The highest of the means."""
    return max((each.mean for each in spreads if each.mean is not None), default=None)


def _course(cell: Cell) -> Cell:
    return replace(cell, seed=0, epochs=1)
