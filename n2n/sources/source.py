"""What a source is: what training reads."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from n2n.noise import Pairs

__all__ = ["Source", "Track"]

Track = Callable[[Sequence[Path]], Iterable[Path]]  # wraps the files to be read, as `rich.progress.track` does


class Source(Protocol):
    """What training reads."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""

    @property
    def has_clean(self) -> bool:
        """Whether `validation` knows the clean images; if not, it gives other noisy ones in their place."""

    def draw(self, count: int, generator: torch.Generator) -> Pairs:
        """`count` pairs to train on."""

    def validation(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Held-out noisy images and the clean ones (`has_clean`): float32 (count, C, H, W)."""
