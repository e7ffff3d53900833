"""What is measured, and the goals: ratios to peers in the same run, never times."""

from dataclasses import dataclass, replace

import torch

__all__ = ["CHAIN", "FASTER_EAGER", "GROWTH", "Goal", "Row", "rows"]

FASTER_EAGER = "faster torch eager"
CHAIN, GROWTH = "chain", "growth"


@dataclass(frozen=True)
class Goal:
    """tape's time is at most this many times that of a peer; FASTER_EAGER is the one whose median is lower."""

    against: str
    at_most: float


@dataclass(frozen=True)
class Row:
    """A training step of a network on `batch` images of side×side. `memory` says whether its peak is measured."""

    name: str
    network: str
    batch: int
    goals: tuple[Goal, ...]
    side: int = 32
    memory: bool = True


def rows(device: torch.device) -> dict[str, Row]:
    """The rows of a device, by name. The goals were set for a CPU: on a GPU there are the ratios alone."""
    chosen = [
        Row("net4", "net4", 400, (Goal(FASTER_EAGER, 0.6), Goal("JAX jit", 0.2))),
        *(Row(name, name, 400, (Goal(FASTER_EAGER, 0.8),)) for name in ("net1", "net2", "net3")),
        Row("stride1", "stride1", 50, (Goal(FASTER_EAGER, 1.0),)),
        Row("unet", "unet", 8, (Goal(FASTER_EAGER, 1.0),), side=64),
        *(Row(f"net4-{few}", "net4", few, (Goal(FASTER_EAGER, 1.5),), memory=False) for few in (1, 10)),
    ]
    if device.type != "cpu":
        chosen = [replace(row, goals=()) for row in (*chosen, Row("net4-4096", "net4", 4096, ()))]
    return {row.name: row for row in chosen}
