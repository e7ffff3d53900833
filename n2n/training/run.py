"""The folder of a run: its settings, metrics, checkpoints, figures, and a card that says how it was made."""

import dataclasses
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch

from n2n.errors import InputError
from n2n.images.files import remove_partial, whole_folder, write_whole
from n2n.sources import Source
from n2n.training.card import card
from n2n.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from n2n.training.fingerprint import fingerprint
from n2n.training.scoring import Score
from n2n.training.settings import Settings
from n2n.training.state import State

__all__ = ["Run", "fresh_path", "is_network", "refuse_existing", "trained_network"]


def fresh_path(parent: Path, stem: str) -> Path:
    """The first of stem-1, stem-2, … that does not exist in a folder."""
    number = 1
    while (parent / f"{stem}-{number}").exists():
        number += 1
    return parent / f"{stem}-{number}"


def refuse_existing(path: Path, force: bool) -> None:
    """Raises InputError where something stands at a path, unless it is a run and `force`."""
    if path.exists() and not _is_run(path):
        raise InputError(f"{path} exists and is not the folder of a run, so it is not replaced: give another --out")
    if path.exists() and not force:
        raise InputError(f"{path} exists: go on with --resume, replace it with --force, or give another --out")


def _is_run(path: Path) -> bool:
    """Whether the folder has a run's settings: other things have a config.json too."""
    try:
        return bool(Run.open(path).settings)
    except InputError:
        return False


@dataclass(frozen=True)
class Run:
    """A run folder."""

    path: Path

    @classmethod
    def create(cls, path: Path, settings: Settings, force: bool = False) -> "Run":
        """Makes the folder, with its settings in it, or leaves nothing behind.

        Raises InputError where something stands there, unless it is a run and `force`.
        """
        refuse_existing(path, force)
        with whole_folder(path) as folder:
            fresh = cls(folder)
            fresh.figures.mkdir()
            write_whole(fresh.config, settings.to_json().encode())
            write_whole(fresh.pictures, json.dumps(fingerprint(settings)).encode())
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Raises InputError for a folder that is not a run's."""
        run = cls(path)
        if not run.config.is_file():
            raise InputError(f"{path} is not the folder of a run: it has no config.json")
        return run

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def last(self) -> Path:
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        return self.path / "best.safetensors"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def settings(self) -> Settings:
        return Settings.from_json(self.config.read_text(errors="replace"), self.config)

    def state(self, device: torch.device) -> State | None:
        """The state to go on from; None where the run was stopped before there was one.

        Raises InputError where config.json is no longer what the state was reached with.
        """
        if not self.last.exists():
            return None
        last = load_checkpoint(self.last, device)
        now, then = dataclasses.asdict(self.settings), dataclasses.asdict(last.settings)
        changed = [f"{name} from {then[name]} to {now[name]}" for name in now if now[name] != then[name]]
        if changed:
            raise InputError(f"{self.config} was changed after the run began ({', '.join(changed)}): change it back")
        return last.state

    def refuse_changed_pictures(self) -> None:
        """Raises InputError where the files to train on are not those that the run was begun with."""
        if not self.pictures.exists():  # of a run that is older than this check
            return
        try:
            before = json.loads(self.pictures.read_text(errors="replace"))
        except ValueError:
            raise InputError(f"{self.pictures} is damaged: remove it to go on without knowing") from None
        now = fingerprint(self.settings)
        if before != now:
            raise InputError(
                f"the pictures that {self.path} was begun with have changed: bring them back, or begin another run"
            )

    def checkpoint(self, device: torch.device) -> Checkpoint:
        """The best checkpoint, or the last one where no score was taken yet."""
        return load_checkpoint(self.best if self.best.exists() else self.last, device)

    def save(self, state: State, shape: tuple[int, int, int], score: Score | None) -> None:
        """Saves the last checkpoint, and the best one if `score` is the highest so far.

        A process that is killed in between goes on from the last checkpoint and gets to the same again. So whatever
        belongs to a step is on the disk before the last checkpoint is of that step: its metrics, and the best one.
        """
        reached = (None, None) if score is None else (score.psnr, score.clean)
        checkpoint = Checkpoint(self.settings, state, shape, *reached)
        with self._appending() as file:
            os.fsync(file.fileno())
        if score is not None and score.psnr >= self.best_psnr():
            save_checkpoint(self.best, checkpoint)
        save_checkpoint(self.last, checkpoint)

    def best_psnr(self) -> float:
        """The highest PSNR among the metrics, in dB; minus infinity where there is none."""
        scores = [entry["psnr"] for entry in self.entries() if "psnr" in entry]
        return max((psnr for psnr in scores if not math.isnan(psnr)), default=-math.inf)

    def log(self, **entry: object) -> None:
        """Adds a line to the metrics."""
        with self._appending() as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self) -> Iterator[dict[str, float]]:
        """The lines of the metrics, without a last one that was cut off when the process was killed.

        Raises InputError, naming the line, for one that is no metrics.
        """
        if not self.metrics.exists():
            return
        *lines, _unfinished = self.metrics.read_text(errors="replace").split("\n")
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                float(entry["step"]), float(entry["loss"])
            except (ValueError, TypeError, KeyError):
                raise InputError(f"line {number} of {self.metrics} is damaged: take it out to go on") from None
            yield entry

    def go_on_from(self, step: int) -> None:
        """Clears away what a process that was stopped has left after a step: metrics, and files half written.

        Makes the folder for figures again where it was removed.
        """
        remove_partial(self.path)
        self.figures.mkdir(exist_ok=True)
        if self.metrics.exists():
            kept = [json.dumps(entry) for entry in self.entries() if entry["step"] <= step]
            write_whole(self.metrics, "".join(line + "\n" for line in kept).encode())

    @contextmanager
    def _appending(self) -> Iterator[TextIO]:
        try:
            with self.metrics.open("a") as file:
                yield file
        except OSError as error:
            raise InputError(f"{self.metrics} could not be written: {error.strerror}") from None

    def write_card(self, state: State, source: Source, seconds: float) -> None:
        """Writes card.md."""
        text = card(self.path.name, self.settings, state, source.shape, self.best_psnr(), source.has_clean, seconds)
        write_whole(self.path / "card.md", os.fsencode(text))


def is_network(path: Path) -> bool:
    """Whether a path is a run folder or, by its name, a checkpoint file."""
    return (path / "config.json").is_file() or path.suffix == ".safetensors"


def trained_network(path: Path, device: torch.device) -> Checkpoint:
    """The checkpoint that a run folder or a checkpoint file holds."""
    return Run.open(path).checkpoint(device) if path.is_dir() else load_checkpoint(path, device)
