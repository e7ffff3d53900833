"""Everything that decides what a training run computes, as plain data that is saved beside it."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optim
from n2n.errors import InputError, unknown
from n2n.losses import losses
from n2n.networks import network
from n2n.noise import parse_noise
from n2n.sources import Source, Track, captures, photos, procedural, tensors
from nn import Layer

__all__ = ["Settings", "schedules"]

schedules: dict[str, Callable[[float, int], optim.Schedule]] = {
    "constant": lambda lr, steps: optim.constant(lr),
    "rampdown": lambda lr, steps: optim.smooth_ramp_down(lr, steps, -(-steps // 2)),
}


@dataclass(frozen=True)
class Settings:
    """A training run.

    Pairs come from `photos` (a folder of clean photographs, with `noise`), from `captures` (two folders of
    noisy captures), from `tensors` (a .pkl or .npz file), or, if none is given, from procedural images.
    """

    network: str = "residual"
    loss: str = "l2"
    noise: str = "pointsample"
    photos: str | None = None
    captures: tuple[str, str] | None = None
    tensors: str | None = None
    validation: str | None = None
    size: int = 32
    pairs: int = 50_000
    epochs: int = 3
    batch: int = 50
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "rampdown"
    average: float | None = None  # decay of the moving average of the parameters; none is taken if None
    seed: int = 0
    microbatch: int | None = None  # by `n2n.training.microbatch_size` if None

    def __post_init__(self) -> None:
        network(self.network)
        parse_noise(self.noise)
        for kind, name, known in (("loss", self.loss, losses), ("schedule", self.schedule, schedules)):
            if name not in known:
                raise unknown(kind, name, known)
        for name in ("size", "pairs", "epochs", "batch", "microbatch"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not self.lr > 0:
            raise InputError(f"lr is {self.lr}; it must be positive")
        if self.average is not None and not 0 < self.average < 1:
            raise InputError(f"average is {self.average}; it must be above 0 and below 1, as in 0.999")
        if sum(given is not None for given in (self.photos, self.captures, self.tensors)) > 1:
            raise InputError("give one source of pairs: photographs, captures or a tensor file")

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.pairs // self.batch)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def source(self, track: Track = iter) -> Source:
        """Reads the pictures."""
        if self.captures is not None:
            return captures(*self.captures, size=self.size, track=track)
        if self.tensors is not None:
            return tensors(self.tensors, self.validation)
        if self.photos is not None:
            return photos(self.photos, parse_noise(self.noise), self.size, track=track)
        return procedural(parse_noise(self.noise), self.size, seed=self.seed)

    def layer(self, channels: int) -> Layer:
        return network(self.network, channels)

    def optimizer(self) -> optim.Optimizer:
        schedule = schedules[self.schedule](self.lr, self.steps)
        return optim.adam(schedule, betas=self.betas)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str, where: Path) -> "Settings":
        """Raises InputError, naming the file `where`, for a text that is no settings."""
        try:
            values = json.loads(text)
            for name in ("captures", "betas"):
                values[name] = tuple(values[name]) if values[name] is not None else None
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{where} does not hold the settings of a run ({error})") from None
