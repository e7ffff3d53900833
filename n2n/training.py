"""Training: one step as a pure function, and the loop that takes many."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

import optim
import tape
from n2n.diagnosis import NotFiniteError, diagnosis, is_finite
from n2n.losses import losses, masked
from n2n.metrics import paired_psnr, psnr
from n2n.settings import Settings
from n2n.sources import Source
from nn import Layer, Params

__all__ = [
    "Score",
    "State",
    "Update",
    "begin",
    "denoised",
    "microbatch_size",
    "score",
    "train",
    "training_step",
    "validated",
]

# Of a microbatch: few enough of the tape's bytes to stay near a core, enough pixels that starting each operation costs
# little beside it.
BYTES, PIXELS = 5_000_000, 8192


def training_step(
    network: Layer, loss: Callable[..., Tensor], optimizer: optim.Optimizer, microbatch: int | None = None
) -> Callable[..., tuple[Params, Any, Tensor]]:
    """One whole training step as a pure function.

    Returns:
        `step(params, state, noisy, target, *more) -> (params, state, loss)`. `noisy` and `target` are
        (batch, C, H, W), of the dtype and on the device of the parameters. `state` is the optimizer's, `more` goes
        to the loss, and the loss that comes back is 0-d, of the parameters before the update. Nothing that is given
        is changed.

    On the CPU the batch is worked on in microbatches, as `tape.microbatch` says, one on each of torch's threads at a
    time: of `microbatch` images, or of `microbatch_size` if that is None. A loss is a mean over the batch, unless
    it has an attribute `batch_reduction` that says "sum", or "none" for a loss that needs the batch whole.

    >>> import nn, optim
    >>> from n2n import network, training_step
    >>> net, optimizer = network("net4"), optim.adam(1e-3)
    >>> params, _ = net.init(torch.Generator().manual_seed(0), (3, 32, 32))
    >>> step = training_step(net, nn.mse_loss, optimizer)
    >>> noisy = target = torch.full((2, 3, 32, 32), 0.5)
    >>> params, state, loss = step(params, optimizer.init(params), noisy, target)
    >>> loss.shape
    torch.Size([])
    """

    def objective(params: Params, noisy: Tensor, target: Tensor, *more: Any) -> Tensor:
        return loss(network.apply(params, noisy), target, *more)

    reduction = getattr(loss, "batch_reduction", "mean")
    kept: dict[torch.Size, float] = {}  # the tape's bytes for an image, by its shape

    def bytes_per_image(params: Params, noisy: Tensor) -> float:
        if noisy.shape[1:] not in kept:
            kept[noisy.shape[1:]] = _bytes_per_image(network, params, noisy)
        return kept[noisy.shape[1:]]

    def step(params: Params, state: Any, noisy: Tensor, target: Tensor, *more: Any) -> tuple[Params, Any, Tensor]:
        of_batch = objective
        # A GPU wants the batch whole.
        if reduction != "none" and noisy.device.type == "cpu":
            threads = torch.get_num_threads()
            size = microbatch or microbatch_size(noisy.shape, bytes_per_image(params, noisy), threads)
            of_batch = tape.microbatch(objective, size, reduction, threads)
        value, grads = tape.value_and_grad(of_batch)(params, noisy, target, *more)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, value

    return step


def microbatch_size(batch: Sequence[int], bytes_per_image: float, threads: int) -> int:
    """How many images of a batch (N, C, H, W) make a microbatch.

    As many as have the tape keep 5 MB, at `bytes_per_image`; at least those that have 8,192 pixels, at least one; and
    no more than leave something to each of the threads.

    >>> microbatch_size((400, 3, 32, 32), 41_364, 2), microbatch_size((10, 3, 32, 32), 41_364, 2)
    (120, 5)
    >>> microbatch_size((8, 3, 64, 64), 11e6, 2), microbatch_size((8, 3, 256, 256), 180e6, 2)
    (2, 1)
    """
    pixels = batch[-1] * batch[-2]
    return max(1, min(max(int(BYTES / max(bytes_per_image, 1)), PIXELS // pixels), -(-batch[0] // threads)))


def _bytes_per_image(network: Layer, params: Params, images: Tensor) -> float:
    if len(images) < 2:
        return 0.0
    one, two = (tape.trace(network.apply)(params, torch.zeros_like(images[:count])).residual_bytes for count in (1, 2))
    return float(two - one)


class State(NamedTuple):
    """What a run needs to go on: as a pytree of tensors it is saved whole."""

    params: Params
    optimizer: Any
    generator: Tensor  # the state of the generator that draws the pairs
    step: int
    average: Params | None = None  # the moving average of the parameters, where the settings ask for one

    @property
    def trained(self) -> Params:
        """What to denoise with: the average where there is one, the parameters otherwise."""
        return self.params if self.average is None else self.average


class Score(NamedTuple):
    """How well a network does on held-out images: PSNR in dB, per image and overall.

    Without clean images (`clean` is false) it is estimated from noisy pairs, and there is no figure per image.
    """

    mean: float | None
    overall: float
    clean: bool

    @property
    def psnr(self) -> float:
        """The figure that runs are compared by: per image where that is known."""
        return self.overall if self.mean is None else self.mean


def validated(clean: bool) -> str:
    """In words, how a score was taken.

    >>> validated(clean=False)
    'estimated from noisy pairs'
    """
    return "against clean images" if clean else "estimated from noisy pairs"


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


def score(network: Layer, params: Params, noisy: Tensor, second: Tensor, clean: bool) -> Score:
    """The score of a network on noisy images and their clean or second noisy ones."""
    out = denoised(network, params, noisy)
    if clean:
        return Score(*psnr(out, second), clean=True)
    return Score(None, paired_psnr(out, noisy, second).denoised, clean=False)


def denoised(network: Layer, params: Params, images: Tensor, batch: int = 100) -> Tensor:
    """The network's output on images (N, C, H, W), on the CPU, not clamped."""
    device = tape.tree.leaves(params)[0].device
    return torch.cat([network.apply(params, part.to(device)).cpu() for part in images.split(batch)])
