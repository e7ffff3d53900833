"""All that the paper's table needs."""

from collections.abc import Sequence

from n2n.reproduce.paper.baselines import PaperBaseline, comparisons
from n2n.reproduce.paper.data import PaperOrigin
from n2n.reproduce.paper.kinds import KINDS
from n2n.reproduce.paper.training import PaperCell

__all__ = ["PaperJob", "paper_jobs"]

PaperJob = PaperCell | PaperBaseline


def paper_jobs(origin: PaperOrigin, seeds: Sequence[int]) -> list[PaperJob]:
    """For each noise a training with noisy and one with clean targets at each seed, and the comparisons.

    >>> len(paper_jobs(PaperOrigin(), range(2)))
    17
    """
    steps = max(1, round(origin.scale * origin.steps))
    cells = [
        PaperCell(kind, targets, steps, origin.crop, seed=seed)
        for kind in KINDS
        for targets in ("noisy", "clean")
        for seed in seeds
    ]
    return [*cells, *(PaperBaseline(kind, name) for kind in KINDS for name in comparisons[kind])]
