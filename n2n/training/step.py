"""One training step as a pure function."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import optim
import tape
from nn import Layer, Params

__all__ = ["microbatch_size", "training_step"]

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

    The step is compiled, as `tape.compile` says: network, loss and optimizer are the same operations whatever numbers
    the tensors have, Python runs them once for each kind of batch, and what changes from step to step comes by `more`
    as a tensor.

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

    @tape.compile
    def objective(params: Params, noisy: Tensor, target: Tensor, *more: Any) -> Tensor:
        return loss(network.apply(params, noisy), target, *more)

    @tape.compile
    def updated(grads: Params, state: Any, params: Params) -> tuple[Params, Any]:
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    swept = tape.compile(tape.value_and_grad(objective))

    @tape.compile
    def whole(params: Params, state: Any, *batch: Any) -> tuple[Params, Any, Tensor]:
        value, grads = swept(params, *batch)
        return (*updated(grads, state, params), value)

    reduction = getattr(loss, "batch_reduction", "mean")
    kept: dict[torch.Size, float] = {}  # the tape's bytes for an image, by its shape

    def bytes_per_image(params: Params, noisy: Tensor) -> float:
        if noisy.shape[1:] not in kept:
            kept[noisy.shape[1:]] = _bytes_per_image(network, params, noisy)
        return kept[noisy.shape[1:]]

    tiled: dict[tuple[int, int], Callable[..., Any]] = {}  # by the size of microbatches and the threads

    def step(params: Params, state: Any, noisy: Tensor, target: Tensor, *more: Any) -> tuple[Params, Any, Tensor]:
        if noisy.device.type != "cpu":
            # A GPU wants the batch whole, and captures what runs on it alone: the optimizer counts steps on the CPU.
            value, grads = swept(params, noisy, target, *more)
            return (*updated(grads, state, params), value)
        if reduction == "none":
            return whole(params, state, noisy, target, *more)
        threads = torch.get_num_threads()
        size = microbatch or microbatch_size(noisy.shape, bytes_per_image(params, noisy), threads)
        if size >= len(noisy):
            return whole(params, state, noisy, target, *more)
        if (size, threads) not in tiled:
            tiled[size, threads] = tape.value_and_grad(tape.microbatch(objective, size, reduction, threads))
        value, grads = tiled[size, threads](params, noisy, target, *more)
        return (*updated(grads, state, params), value)

    return step


def microbatch_size(batch: Sequence[int], bytes_per_image: float, threads: int) -> int:
    """How many images of a batch (N, C, H, W) make a microbatch.

    As many as have the tape keep 5 MB, at `bytes_per_image`; at least those that have 8,192 pixels, at least one. A
    batch that is larger leaves something to each of the threads; one that is not stays whole, as threads of torch's own
    share its operations at less cost.

    >>> microbatch_size((400, 3, 32, 32), 41_364, 2), microbatch_size((130, 3, 32, 32), 41_364, 2)
    (120, 65)
    >>> microbatch_size((10, 3, 32, 32), 41_364, 2), microbatch_size((8, 3, 256, 256), 180e6, 2)
    (10, 1)
    """
    pixels = batch[-1] * batch[-2]
    most = max(int(BYTES / max(bytes_per_image, 1)), PIXELS // pixels, 1)
    return batch[0] if batch[0] <= most else min(most, -(-batch[0] // threads))


def _bytes_per_image(network: Layer, params: Params, images: Tensor) -> float:
    if len(images) < 2:
        return 0.0
    one, two = (tape.trace(network.apply)(params, torch.zeros_like(images[:count])).residual_bytes for count in (1, 2))
    return float(two - one)
