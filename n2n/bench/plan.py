"""What is to be measured, and how thoroughly."""

import math
from dataclasses import dataclass, replace

import torch

from n2n.bench.memory import measurable
from n2n.bench.peers.choice import EAGER, OURS
from n2n.bench.rows import CHAIN, GROWTH, LOOKUP, Row, rows

__all__ = ["Plan", "names"]

QUICK_SIDE = 384  # of the picture: four tiles


@dataclass(frozen=True)
class Plan:
    """What to measure, and how thoroughly. `only` are names of rows; `compiling` has torch.compile take part on a CPU
    too. A quick run leaves out most of JAX's compilations and of the batch sizes, denoises a smaller picture, and
    measures memory in that and in the growth alone."""

    device: torch.device
    rounds: int
    threads: int
    seed: int
    quick: bool
    only: frozenset[str]
    compiling: bool = False

    @property
    def rows(self) -> list[Row]:
        chosen = [row for row in rows(self.device).values() if row.name in self.only]
        return [replace(row, side=QUICK_SIDE) if self.quick and row.work == "picture" else row for row in chosen]

    @property
    def batches(self) -> list[int]:
        """Of the growth."""
        return [50, 200, 800] if self.quick else [50 * 2**doubling for doubling in range(8)]

    @property
    def growth(self) -> list[Row]:
        return [Row(GROWTH, "net4", batch, ()) for batch in self.batches]

    @property
    def limit(self) -> float:
        """Seconds after which no further round of a row begins: a minute shall do on a slow machine too."""
        return 2.5 if self.quick else math.inf

    def rounds_of(self, row: Row) -> int:
        """A third of the rounds, where a step takes seconds or the row is one of many."""
        return max(3, self.rounds // 3) if row.name == GROWTH or row.work == "picture" else self.rounds

    def weighs(self, row: Row) -> bool:
        """Whether the memory of a row's work is measured."""
        thorough = not self.quick or row.work == "picture" or row.name == GROWTH
        return row.memory is not None and thorough and measurable(self.device)

    def takes_jax(self, row: Row) -> bool:
        return not self.quick or row.name == "net4"

    @property
    def ticks(self) -> int:
        """How often a run calls its `tick`."""
        chosen = self.rows + (self.growth if GROWTH in self.only else [])
        short = len({CHAIN, LOOKUP} & self.only)
        jobs = len((OURS, *EAGER))
        return sum(self.rounds_of(row) + jobs * self.weighs(row) for row in chosen) + self.rounds * short


def names(device: torch.device) -> list[str]:
    """What `only` may name."""
    return [*rows(device), CHAIN, LOOKUP, GROWTH]
