"""Where a training step made a number that is not finite: the layer, and the operation in it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import tape
from n2n.errors import InputError
from nn import Layer, Params
from tape.core.observing import following, here, observed
from tape.core.tape import Call, Step, Tape
from tape.core.traced import raw

__all__ = ["NotFiniteError", "diagnosis", "is_finite"]

PIXELS = 65_536  # of what is looked at together: the guard keeps more than a step does


class NotFiniteError(InputError):
    """A training step made a number that is not finite, from numbers that were."""


def is_finite(values: Any) -> bool:
    """Whether each number in a pytree of tensors is finite.

    >>> is_finite({"weight": torch.ones(2)}), is_finite([torch.ones(2), torch.tensor([0.0, torch.inf])])
    (True, False)
    """
    leaves = tape.tree.leaves(values)
    flags = [torch.isfinite(leaf).all() for leaf in leaves if leaf.is_floating_point()]
    return not flags or bool(torch.stack(flags).all())  # one wait for a device, not one for each leaf


def diagnosis(
    network: Layer,
    loss: Callable[..., Tensor],
    params: Params,
    after: dict[str, Any],
    noisy: Tensor,
    target: Tensor,
    *more: Any,
) -> str:
    """Takes a step's loss and gradients again, looking at each operation, and says where the first number that is
    not finite comes from, as a clause without a full stop.

    Arguments are those of the step that went wrong: `params` are from before it, `after` is what it left, by name.
    """
    for what, images in (("noisy images", noisy), ("targets", target)):
        damaged = (~torch.isfinite(images)).flatten(1).any(1).nonzero().flatten().tolist()
        if damaged:
            many = f"{len(damaged)} of its {len(images)} {what}"
            return f"{many} hold numbers that are not finite: look for damaged pictures"
    rows = max(1, PIXELS // noisy[0, 0].numel())
    if getattr(loss, "batch_reduction", "mean") == "none":
        rows = len(noisy)
    for start in range(0, len(noisy), rows):
        part = slice(start, start + rows)
        cut = [x[part] if isinstance(x, Tensor) and x.ndim and len(x) == len(noisy) else x for x in more]
        if found := _first(network, loss, params, noisy[part], target[part], *cut):
            return f"{found}; lower the learning rate"
    paths, leaves = tape.tree.paths(after), tape.tree.leaves(after)
    overflown = [path for path, leaf in zip(paths, leaves, strict=True) if not is_finite(leaf)]
    what = f"the update of {overflown[0]}" if overflown else "the loss's sum over the batch"
    return f"{what} overflows; lower the learning rate"


def _first(network: Layer, loss: Callable[..., Tensor], params: Params, *batch: Any) -> str | None:
    places = _places(params)
    place = "before the first layer,"  # of the operation that runs, forward or backward
    begun = place  # the last layer whose parameters were used, forward

    def observe(tape_: Tape, step: Step, call: Call) -> Step:
        nonlocal begun, place
        for leaf in tape.tree.leaves(call.args):
            begun = places.get(id(raw(leaf)), begun)
        place = own = begun

        def note(position: int, rule: Callable[..., Any], given: tuple[Any, ...], cotangent: Any) -> None:
            nonlocal place
            place = own

        return following(step, here(), note)

    def objective(params: Params, noisy: Tensor, target: Tensor, *more: Any) -> Tensor:
        nonlocal begun
        output = network.apply(params, noisy)
        begun = "in the loss,"
        return loss(output, target, *more)

    # The observer stands before the guard, so that it knows the place when the guard raises.
    with observed(observe), tape.require_finite():
        try:
            tape.value_and_grad(objective)(params, *batch)
        except tape.TapeError as error:
            return f"{place} {str(error).splitlines()[0]}"
    return None


def _places(params: Params) -> dict[int, str]:
    """In words, the layer of each parameter, by the parameter's identity."""
    paths = tape.tree.paths(params)
    layers = list(dict.fromkeys(path.rpartition(".")[0] for path in paths))
    places = {}
    for path, leaf in zip(paths, tape.tree.leaves(params), strict=True):
        shape = "×".join(map(str, leaf.shape))
        number = layers.index(path.rpartition(".")[0]) + 1
        places[id(leaf)] = f"in layer {number} of {len(layers)}, after its parameter {path} ({shape}) was used,"
    return places
