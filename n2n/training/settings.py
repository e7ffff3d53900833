"""Everything that decides what a training run computes, as plain data that is saved beside it."""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import optim
from n2n.errors import InputError, unknown
from n2n.networks import network
from n2n.noise import parse_noise
from n2n.sources import Source, Track, bursts, captures, photos, procedural, tensors
from n2n.training.losses import losses
from nn import Layer

__all__ = ["Settings", "schedules"]

schedules: dict[str, Callable[[float, int], optim.Schedule]] = {
    "constant": lambda lr, steps: optim.constant(lr),
    "rampdown": lambda lr, steps: optim.smooth_ramp_down(lr, steps, -(-steps // 2)),
    "cosine": lambda lr, steps: optim.cosine(lr, steps),
    "linear": lambda lr, steps: optim.linear_ramp_down(lr, steps, steps),
}


@dataclass(frozen=True)
class Settings:
    """A training run.

    Pairs come from `photos` (a folder of clean photographs, with `noise`), from `captures` (two folders of
    noisy captures), from `bursts` (a folder with a folder of captures for each scene), from `tensors` (a .pkl, .npz
    or .npy file), or, if none is given, from procedural images with `noise`.
    """

    network: str = "residual"
    loss: str = "l2"
    noise: str = "pointsample"
    photos: str | None = None
    captures: tuple[str, str] | None = None
    bursts: str | None = None
    tensors: str | None = None
    validation: str | None = None
    targets: str = "noisy"  # or "clean", to compare with training that knows the clean images
    flips: bool | None = None  # whether images are turned; if None, crops are and the images of tensor files are not
    size: int = 32
    pairs: int = 50_000
    epochs: int = 3
    batch: int = 50
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "rampdown"
    average: float | None = None  # decay of the moving average of the parameters; none is taken if None
    seed: int = 0
    microbatch: int | None = None  # by `n2n.training.step.microbatch_size` if None

    def __post_init__(self) -> None:
        network(self.network)
        parse_noise(self.noise)
        known: Iterable[str]
        for kind, name, known in (
            ("loss", self.loss, losses),
            ("schedule", self.schedule, schedules),
            ("targets", self.targets, ("noisy", "clean")),
        ):
            if name not in known:
                raise unknown(kind, name, known)
        for name in ("size", "pairs", "epochs", "batch", "microbatch"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                what = "the count of pairs" if name == "pairs" else name
                raise InputError(f"{what} is {getattr(self, name)}; it must be at least 1")
        if not 0 < self.lr < math.inf:
            raise InputError(f"lr is {self.lr}; it must be positive and finite")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas are {self.betas[0]} and {self.betas[1]}; they must be at least 0 and below 1")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; it must be at least 0 and below 2^63")
        if self.average is not None and not 0 < self.average < 1:
            raise InputError(f"average is {self.average}; it must be above 0 and below 1, as in 0.999")
        if sum(given is not None for given in (self.photos, self.captures, self.bursts, self.tensors)) > 1:
            raise InputError("give one source of pairs: photographs, two folders of captures, bursts or a tensor file")
        if self.targets == "clean" and (self.captures or self.bursts):
            raise InputError("captures have no clean images to take as targets: leave out targets clean")

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.pairs // self.batch)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def source(self, track: Track = iter) -> Source:
        """Reads the pictures. Raises InputError for what cannot be trained on, by name."""
        turned = self.flips is not False
        if self.captures is not None:
            return captures(*self.captures, size=self.size, flips=turned, track=track)
        if self.bursts is not None:
            return bursts(self.bursts, self.size, flips=turned, track=track)
        if self.tensors is not None:
            return self._tensors(self.tensors)
        noise = parse_noise(self.noise)
        if self.photos is not None:
            return photos(self.photos, noise, self.size, flips=turned, track=track, targets=self.targets)
        return procedural(noise, self.size, seed=self.seed, flips=turned, targets=self.targets)

    def _tensors(self, path: str) -> Source:
        source = tensors(path, self.validation, flips=self.flips is True)
        if source.training.clean and self.targets == "noisy":
            raise InputError(f"the targets in {path} are clean: to train on them, for comparison, give --targets clean")
        if self.targets == "clean" and not source.training.clean:
            raise InputError(f"{path} has no array 'clean', so it has no clean targets: leave --targets out")
        return source

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
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{where} does not hold the settings of a run ({error}): restore it") from None
