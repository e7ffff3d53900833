"""What a training command does once there are a run folder and a source: train, save, stop, draw, describe."""

import math
import shlex
import time

import torch
import typer
from torch import Generator, Tensor

from n2n.cli.console import console, progress_bar, say
from n2n.cli.stopping import stop_requests
from n2n.denoising.denoise import Trained
from n2n.errors import InputError
from n2n.evaluation import denoiser
from n2n.metrics import decibels, paired_psnr, squared_errors
from n2n.sources import Source
from n2n.training.diagnosis import NotFiniteError
from n2n.training.figures import before_and_after, learning_curves
from n2n.training.loop import Update, train
from n2n.training.run import Run
from n2n.training.scoring import validated
from n2n.training.state import State

__all__ = ["SAVE_EVERY", "finish", "fit"]

SAVE_EVERY = 60.0  # seconds


def fit(
    run: Run, source: Source, state: State, time_limit: float = math.inf, save_every: float = SAVE_EVERY
) -> tuple[State, float]:
    """Trains, with a progress bar, and saves after each epoch and whenever `save_every` seconds have gone by.

    Ends once more than `time_limit` seconds have gone by. Returns the last state and the seconds that the run has
    taken, with those before it was stopped. When interrupted, saves, says how to go on, and raises `typer.Exit`.
    """
    settings = run.settings
    before = max((entry.get("seconds", 0.0) for entry in run.entries()), default=0.0)
    started, first = time.monotonic(), state.step
    if settings.targets == "clean":
        console.print("training with clean targets: no Noise2Noise, for comparison only")
    if first == 0:
        run.save(state, source.shape, None)
    saved, saved_at = state.step, started
    stopped_by = None
    with stop_requests() as stop_request, progress_bar("pairs") as bar:
        task = bar.add_task(settings.network, total=settings.steps, completed=first, rate="–", status="")
        try:
            for update in train(settings, source, state, lambda: time.monotonic() - started > time_limit):
                state, now = update.state, time.monotonic()
                rate = (state.step - first) * settings.batch / (now - started)
                bar.update(task, completed=state.step, rate=f"{rate:,.0f}", status=f"loss {update.loss:.5f}")
                _log(run, update, before + now - started)
                stopped_by = stop_request()
                if update.score is not None or stopped_by is not None or now - saved_at > save_every:
                    run.save(state, source.shape, update.score)
                    saved, saved_at = state.step, time.monotonic()
                if stopped_by is not None:
                    break
        except KeyboardInterrupt:  # the second request, which does not wait for the step to end
            stopped_by = stop_request()
        except NotFiniteError as error:
            raise InputError(f"{error}; {run.path} keeps the checkpoint of step {saved}") from None
    if stopped_by is not None and saved < settings.steps:
        go_on = shlex.join(["n2n", "train", "--resume", str(run.path)])
        say(f"stopped, and saved at step {saved}; go on with: {go_on}")
        raise typer.Exit(128 + stopped_by)
    return state, before + time.monotonic() - started


def _log(run: Run, update: Update, seconds: float) -> None:
    entry: dict[str, object] = {"step": update.state.step, "loss": update.loss, "seconds": round(seconds, 3)}
    if update.score is not None:
        score = update.score
        entry |= {"psnr": score.psnr, "psnr_overall": score.overall, "clean": score.clean}
        epoch = -(-update.state.step // run.settings.steps_per_epoch)
        console.print(
            f"epoch {epoch}: loss {update.loss:.5f}, held-out PSNR {score.psnr:.2f} dB "
            f"{validated(score.clean)}, {seconds:.0f} s"
        )
    run.log(**entry)


def finish(run: Run, source: Source, state: State, seconds: float) -> None:
    """Draws the figures and writes the card."""
    entries = list(run.entries())
    if any("psnr" in entry for entry in entries):
        learning_curves(run.figures / "curves.png", entries)
    noisy, second = source.validation(4, Generator().manual_seed(2))
    out = denoiser(Trained.from_checkpoint(run.checkpoint(torch.device("cpu"))))(noisy)
    columns = {"noisy": noisy, "denoised": out, "clean" if source.has_clean else "second capture": second}
    measured = _measured if source.has_clean else _estimated
    captions = {title: measured(columns[title], noisy, second) for title in ("noisy", "denoised")}
    before_and_after(run.figures / "before-after.png", columns, captions)
    run.write_card(state, source, seconds)


def _measured(images: Tensor, _noisy: Tensor, clean: Tensor) -> list[str]:
    return [f"{value:.2f} dB" for value in decibels(squared_errors(images, clean)).tolist()]


def _estimated(images: Tensor, noisy: Tensor, second: Tensor) -> list[str]:
    """The PSNR of each image as its pair tells; of the noisy images themselves where they are `images`."""
    each = [paired_psnr(*(batch[None] for batch in three)) for three in zip(images, noisy, second, strict=True)]
    values = [pair.noisy if images is noisy else pair.denoised for pair in each]
    return ["too good to be told from one pair" if math.isnan(value) else f"about {value:.1f} dB" for value in values]
