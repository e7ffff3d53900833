"""The paper's U-Net, trained with noisy or with clean targets over a range of noise, and tested at one strength."""

import dataclasses
import time
from collections.abc import Generator as Yields
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

import nn
import optim
from n2n.denoising.denoise import Trained, denoise
from n2n.metrics import squared_errors
from n2n.networks import network
from n2n.noise import Noise, parse_noise
from n2n.noise.scenes import Scenes, unit
from n2n.reproduce.cells import short_hash
from n2n.reproduce.data import read_mapped
from n2n.reproduce.paper.data import noisy_picture, summary, test_sets
from n2n.reproduce.paper.kinds import KINDS
from n2n.reproduce.parameters import save_parameters
from n2n.training.losses import masked
from n2n.training.step import training_step
from tape import tree

__all__ = ["PaperCell"]


@dataclass(frozen=True)
class PaperCell:
    """A training of the U-Net: with `targets` noisy or clean, on `steps` batches of crops of `crop` pixels.

    Adam with the paper's betas, the rate constant over the first half and then falling smoothly to zero.
    """

    kind: str
    targets: str
    steps: int
    crop: int
    batch: int = 8
    lr: float = 1e-3
    seed: int = 0

    @property
    def key(self) -> str:
        return f"unet-{self.kind}-{self.targets}-seed{self.seed}-{short_hash(dataclasses.asdict(self))}"

    @property
    def cost(self) -> float:
        """About how long a crop takes, measured in a 32×32 pair of Net4 in a large batch."""
        return 0.08 * self.crop**2

    def size(self, folder: Path) -> int:
        """How many crops it takes, and the pictures that it is tested on counted as crops."""
        pictures = [picture for each in test_sets(folder).values() for picture in each]
        return self.steps * self.batch + sum(self._crops(picture) for picture in pictures)

    def answered_by(self, record: dict[str, Any]) -> bool:
        return True

    def run(self, folder: Path, device: torch.device) -> Yields[int, None, dict[str, Any]]:
        """Trains and tests; yields how many crops each step takes, and returns the record. Writes the parameters."""
        crops = read_mapped(folder / "data" / "crops.npy")
        layer = network("unet", crops.shape[1])
        params, _ = layer.init(Generator().manual_seed(self.seed), tuple(crops.shape[1:]))
        params = tree.map(lambda leaf: leaf.to(device), params)
        optimizer = optim.adam(
            optim.smooth_ramp_down(self.lr, self.steps, -(-self.steps // 2)), betas=(0.9, 0.99), eps=1e-8
        )
        state = optimizer.init(params)
        noise, generator = parse_noise(KINDS[self.kind].train), Generator().manual_seed(self.seed + 1)
        order = torch.cat([torch.randperm(len(crops), generator=generator) for _ in range(self._passes(len(crops)))])
        step = training_step(layer, nn.mse_loss, optimizer)
        masked_step = training_step(layer, masked(nn.mse_loss), optimizer)
        began = time.perf_counter()
        for chosen in order[: self.steps * self.batch].split(self.batch):
            drawn = self._pairs(unit(crops.index_select(0, chosen)), noise, generator)
            noisy, target, *mask = (each.to(device) for each in drawn)
            params, state, _ = (masked_step if mask else step)(params, state, noisy, target, *mask)
            yield len(chosen)
        seconds = time.perf_counter() - began
        save_parameters(folder / "cells" / f"{self.key}.safetensors", params)

        trained, test, figures = Trained(layer, params, crops.shape[1]), parse_noise(KINDS[self.kind].test), {}
        for name, pictures in test_sets(folder).items():
            errors = []
            for number, picture in enumerate(pictures):
                out = denoise(trained, noisy_picture(picture, number, test))
                errors.append(float(squared_errors(out[None], picture[None])))
                yield self._crops(picture)
            figures[name] = summary(errors)
        return {"paper": dataclasses.asdict(self), "seconds": round(seconds, 3), "sets": figures}

    def _pairs(self, clean: Tensor, noise: Noise, generator: Generator) -> tuple[Tensor, ...]:
        """Noisy images, targets, and for targets of which pixels are missing their mask."""
        scenes = Scenes.whole(clean, noise)
        if self.targets == "clean":
            return noise.noisy(scenes, generator), clean
        noisy, target, mask = noise.pairs(scenes, generator)
        return (noisy, target) if mask is None else (noisy, target, mask)

    def _passes(self, crops: int) -> int:
        return -(-self.steps * self.batch // crops)

    def _crops(self, picture: Tensor) -> int:
        """A picture that is only denoised, counted as crops that are trained on, each three times the work."""
        return max(1, round(picture[0].numel() / (3 * self.crop**2)))
