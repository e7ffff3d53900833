"""A cell: one training from fresh parameters on the fixed set of pairs, measured after each epoch."""

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Generator as Yields
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

import nn
import optim
from n2n.metrics import psnr
from n2n.networks import network
from n2n.reproduce.data import Data, Images
from n2n.reproduce.parameters import save_parameters
from n2n.training.scoring import denoised
from n2n.training.step import training_step
from nn import Layer, Params
from tape import tree

__all__ = ["Cell", "Epoch", "Measured", "Record", "measured", "short_hash"]


@dataclass(frozen=True)
class Measured:
    """A network on images whose clean ones are known: PSNR in dB, per image and overall, and the mean squared error.

    None where the training diverged and there is no number.
    """

    psnr: float | None
    overall: float | None
    loss: float | None


@dataclass(frozen=True)
class Epoch:
    """After an epoch: the mean training loss over it, the seconds of training so far, and the measurements."""

    loss: float | None
    seconds: float
    held_out: Measured
    test: Measured | None


@dataclass(frozen=True)
class Cell:
    """A training: Adam at a constant rate on a seeded shuffle of the pairs, each pair once in an epoch."""

    network: str = "net4"
    batch: int = 400
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    epochs: int = 3
    seed: int = 0

    @property
    def key(self) -> str:
        """Its name, unique by everything that decides the numbers except how many epochs there are.

        >>> Cell().key == Cell(epochs=20).key != Cell(seed=1).key
        True
        """
        settings = dataclasses.asdict(self)
        del settings["epochs"]
        return f"{self.network}-batch{self.batch}-seed{self.seed}-{short_hash(settings)}"

    @property
    def cost(self) -> float:
        """About how long a pair takes, measured in a pair of Net4 in a large batch."""
        return (22.0 if self.network.startswith("stride1") else 1.0) + 17 / self.batch

    def size(self, folder: Path) -> int:
        """How many pairs it takes."""
        return self.epochs * len(Data.open(folder).pairs)

    def answered_by(self, record: dict[str, Any]) -> bool:
        return len(record["epochs"]) >= self.epochs

    def run(self, folder: Path, device: torch.device) -> Yields[int, None, dict[str, Any]]:
        """Trains; yields the pairs of each step, and returns the record. Writes the parameters into the folder."""
        data = Data.open(folder)
        count, _, *shape = data.pairs.shape
        layer = network(self.network, shape[0])
        params, _ = layer.init(Generator().manual_seed(self.seed), tuple(shape))
        params = tree.map(lambda leaf: leaf.to(device), params)
        optimizer = optim.flat(optim.adam(self.lr, betas=self.betas))
        state = optimizer.init(params)
        step = training_step(layer, nn.mse_loss, optimizer)
        shuffles = Generator().manual_seed(self.seed + 1)
        epochs: list[Epoch] = []
        seconds = 0.0
        for _ in range(self.epochs):
            total = 0.0
            order = torch.randperm(count, generator=shuffles)
            began = time.perf_counter()
            for chosen in order.split(self.batch):
                noisy, target = data.drawn(chosen)
                params, state, loss = step(params, state, noisy.to(device), target.to(device))
                total += loss.item() * len(chosen)
                yield len(chosen)
            seconds += time.perf_counter() - began
            held_out = measured(layer, params, data.held_out)
            test = None if data.test is None else measured(layer, params, data.test)
            epochs.append(Epoch(_number(total / count), round(seconds, 3), held_out, test))
        save_parameters(folder / "cells" / f"{self.key}.safetensors", params)
        return {"cell": dataclasses.asdict(self), "epochs": [dataclasses.asdict(epoch) for epoch in epochs]}


def measured(layer: Layer, params: Params, images: Images) -> Measured:
    """A network on images; outputs are clamped to [0, 1] for PSNR and not for the loss."""
    out = denoised(layer, params, images.noisy)
    return outcome(out, images.clean)


def outcome(out: Tensor, clean: Tensor) -> Measured:
    """The figures of outputs (N, C, H, W) beside the clean images."""
    mean, overall = psnr(out, clean)
    return Measured(_number(mean), _number(overall), _number(float((out - clean).double().square().mean())))


@dataclass(frozen=True)
class Record:
    """A cell's measurements, as they are read back from its file."""

    cell: Cell
    epochs: tuple[Epoch, ...]

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Record":
        cell = Cell(**content["cell"] | {"betas": tuple(content["cell"]["betas"])})
        epochs = [
            Epoch(
                each["loss"],
                each["seconds"],
                Measured(**each["held_out"]),
                None if each["test"] is None else Measured(**each["test"]),
            )
            for each in content["epochs"]
        ]
        return cls(cell, tuple(epochs))


def short_hash(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]


def _number(value: float) -> float | None:
    """A number that JSON has."""
    return value if math.isfinite(value) else None
