"""What learns nothing, on the same images: the noisy input as it is, and a Gaussian blur."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from n2n.classical.baselines import baselines
from n2n.images.files import write_whole
from n2n.reproduce.cells import Measured, outcome
from n2n.reproduce.data import Data, Images

__all__ = ["Baseline", "read_baselines", "write_baselines"]

TUNED_ON = 2000  # pairs


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A denoiser's figures on the held-out images, and on the test images if there are any."""

    name: str
    held_out: Measured
    test: Measured | None


def write_baselines(folder: Path) -> None:
    """Measures them, and writes `data/baselines.json`.

    The blur's σ is the one that brings the first training pairs' noisy images nearest to their noisy targets on
    average, which is nearest to the clean ones: nothing that is measured afterwards is looked at.
    """
    data = Data.open(folder)
    blur = baselines["Gaussian blur"]
    noisy, target = data.drawn(torch.arange(min(TUNED_ON, len(data.pairs))))
    errors = {sigma: float((blur.function(noisy, sigma) - target).square().mean()) for (sigma,) in blur.grid}
    sigma = min(errors, key=errors.__getitem__)

    def measured(images: Images | None, blurred: bool) -> dict[str, Any] | None:
        if images is None:
            return None
        out = blur.function(images.noisy, sigma) if blurred else images.noisy
        return dataclasses.asdict(outcome(out, images.clean))

    rows = [
        {"name": name, "held_out": measured(data.held_out, blurred), "test": measured(data.test, blurred)}
        for name, blurred in (("noisy input", False), (f"Gaussian blur, σ {sigma:g} pixels", True))
    ]
    write_whole(folder / "data" / "baselines.json", json.dumps(rows, indent=2).encode())


def read_baselines(folder: Path) -> list[Baseline]:
    def read(values: dict[str, Any] | None) -> Measured | None:
        return None if values is None else Measured(**values)

    rows = json.loads((folder / "data" / "baselines.json").read_text())
    return [Baseline(row["name"], Measured(**row["held_out"]), read(row["test"])) for row in rows]
