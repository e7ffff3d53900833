"""What is measured, and the goals: ratios to peers in the same run, and how soon a compiled function is ready."""

from dataclasses import dataclass, replace
from typing import Literal

import torch

__all__ = [
    "CHAIN",
    "CHAIN_GOALS",
    "COMPILED_CHAIN_GOALS",
    "FASTER_EAGER",
    "GROWTH",
    "LOOKUP",
    "LOOKUP_GOAL",
    "Goal",
    "Row",
    "Work",
    "rows",
]

FASTER_EAGER = "faster torch eager"
CHAIN, GROWTH, LOOKUP = "chain", "growth", "cached-call"
MEMORY = 0.7  # of the leaner torch eager
OTHERS = {"net1": 0.65, "net2": 0.65, "net3": 0.33}  # of the faster torch eager

Work = Literal["step", "picture"]


@dataclass(frozen=True)
class Goal:
    """tape's time is at most this many times that of a peer; FASTER_EAGER is the one whose median is lower."""

    against: str
    at_most: float


@dataclass(frozen=True)
class Row:
    """A network's work on `batch` images of side×side: a training step, or one picture denoised.

    `memory` is the goal for its peak, in those of the leaner torch eager; None where no peak is measured.
    `first_call` is the goal, in seconds, for a step to be noted, written and run once.
    """

    name: str
    network: str
    batch: int
    goals: tuple[Goal, ...]
    side: int = 32
    memory: float | None = MEMORY
    first_call: float | None = None
    work: Work = "step"

    @property
    def title(self) -> str:
        size = "" if self.side == 32 else f" {self.side}×{self.side}"
        return f"{self.network}{size}, " + (f"batch {self.batch}" if self.work == "step" else "one picture")


CHAIN_GOALS = (Goal("torch autograd", 1.6), Goal("HIPS autograd", 0.9), Goal("torch.func", 0.9))
COMPILED_CHAIN_GOALS = (Goal("torch autograd", 0.4),)
LOOKUP_GOAL = 20e-6  # seconds


def rows(device: torch.device) -> dict[str, Row]:
    """The rows of a device, by name. The goals were set for a CPU: on a GPU there are the ratios alone, and no more
    memory than the leaner torch eager's."""
    chosen = [
        Row("net4", "net4", 400, _goals(0.5, 0.15), first_call=0.5),
        *(Row(name, name, 400, _goals(eager, 0.15)) for name, eager in OTHERS.items()),
        Row("stride1", "stride1", 50, _goals(0.85, 0.5)),
        Row("unet", "unet", 8, _goals(0.75, 0.5), side=64, first_call=2.0),
        *(Row(f"net4-{few}", "net4", few, _goals(0.5, 0.8), memory=None, first_call=0.5) for few in (1, 10)),
        Row("inference", "unet", 1, (Goal(FASTER_EAGER, 0.9),), side=1024, memory=0.5, work="picture"),
    ]
    if device.type != "cpu":
        chosen.append(Row("net4-4096", "net4", 4096, ()))
        chosen = [replace(row, goals=(), first_call=None, memory=row.memory and 1.0) for row in chosen]
    return {row.name: row for row in chosen}


def _goals(eager: float, jax: float) -> tuple[Goal, ...]:
    return Goal(FASTER_EAGER, eager), Goal("JAX jit", jax)
