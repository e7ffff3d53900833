"""Many steps: a run from its first step, or from where it was, to its last."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Generator

import optim
import tape
from n2n.sources import Source
from n2n.training.diagnosis import NotFiniteError, diagnosis, is_finite
from n2n.training.losses import losses, masked
from n2n.training.scoring import Score, score
from n2n.training.settings import Settings
from n2n.training.state import State
from n2n.training.step import training_step

__all__ = ["Update", "begin", "train"]


class Update(NamedTuple):
    """What `train` reports after each step; a score after each epoch and after the last step."""

    state: State
    loss: float
    score: Score | None


def begin(settings: Settings, source: Source, device: torch.device) -> State:
    """The state before the first step: fresh parameters."""
    network = settings.layer(source.shape[0])
    params, _ = network.init(Generator().manual_seed(settings.seed), source.shape)
    params = tape.tree.map(lambda leaf: leaf.to(device), params)
    generator = Generator().manual_seed(settings.seed + 1)
    average = None if settings.average is None else tape.tree.map(torch.clone, params)
    return State(params, settings.optimizer().init(params), generator.get_state(), 0, average)


def train(
    settings: Settings, source: Source, state: State, enough: Callable[[], bool] = lambda: False
) -> Iterator[Update]:
    """Takes the steps that are left, an update for each; ends early, with a score, once it is `enough`.

    Raises NotFiniteError, which says in which layer it began, once a loss, a parameter or the optimizer's state is not
    finite.
    """
    network, loss = settings.layer(source.shape[0]), losses[settings.loss]
    device = tape.tree.leaves(state.params)[0].device
    functions = {False: loss.function, True: masked(loss.function)}
    steps = {
        has_mask: training_step(network, function, settings.optimizer(), settings.microbatch)
        for has_mask, function in functions.items()
    }
    generator = Generator()
    generator.set_state(state.generator)
    held_out = source.validation(500, Generator().manual_seed(0))
    per_epoch = settings.steps_per_epoch
    ended = False
    while state.step < settings.steps and not ended:
        drawn = state.step % per_epoch * settings.batch
        pairs = source.draw(min(settings.batch, settings.pairs - drawn), generator)
        has_mask = pairs.mask is not None
        batch = [x.to(device) for x in pairs if x is not None]
        batch += loss.more(state.step / settings.steps)
        params, optimizer, of_batch = steps[has_mask](state.params, state.optimizer, *batch)
        value = of_batch.item()
        if not (math.isfinite(value) and is_finite((params, optimizer))):
            after = {"params": params, "optimizer": optimizer}
            where = diagnosis(network, functions[has_mask], state.params, after, *batch)
            raise NotFiniteError(f"the loss is {value:g} at step {state.step + 1}, which ends the training: {where}")
        average = state.average
        if settings.average is not None:
            average = optim.moving_average(average, params, state.step, settings.average)
        state = State(params, optimizer, generator.get_state(), state.step + 1, average)
        ended = enough()
        scored = ended or state.step % per_epoch == 0
        reached = score(network, state.trained, *held_out, source.has_clean) if scored else None
        yield Update(state, value, reached)
