"""Modules of torch as functions of their parameters."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from tape.errors import TapeError
from tape.transforms.exchanging import Exchange, Exchanges, exchanges, in_force, seen_here

__all__ = ["functional_call"]


def functional_call(
    module: nn.Module,
    parameters_and_buffers: Mapping[str, Any],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Calls a module with other parameters and buffers than its own: the module as a function of them.

    The signature is `torch.func.functional_call`'s, which refuses traced values.

    Args:
        module: any module made of operations that have a derivative rule.
        parameters_and_buffers: tensors or traced values by the names that `module.named_parameters()` and
            `module.named_buffers()` give. Those that are not named keep the module's own values, and get no
            derivative. A tensor that stands in the module under several names (tied weights) is exchanged
            everywhere, whichever of the names is given.
        args: the positional arguments, a tuple; anything else counts as the only one.
        kwargs: the keyword arguments.

    Returns:
        what the module returns. The module's own parameters and buffers are as they were afterwards, even after an
        exception; what its `forward` does to other attributes, and to the numbers of a buffer in place, stays.
        Threads may call one module at once, each with values of its own, and wait for nobody. A thread that a `forward`
        starts sees the call's values if it runs in its context, by `contextvars.copy_context().run`; any other thread
        sees the module's own.

    Raises TapeError for a name that the module has not, for two different values of one tied tensor, and for
    recurrent modules, which keep copies of their parameters.

    >>> import tape, torch
    >>> linear = nn.Linear(2, 1, bias=False)
    >>> params = {"weight": torch.tensor([[1.0, 2.0]])}
    >>> def loss(params, x):
    ...     return tape.functional_call(linear, params, x).sum()
    >>> tape.grad(loss)(params, torch.tensor([[3.0, 4.0]]))
    {'weight': tensor([[3., 4.]])}
    """
    if not isinstance(args, tuple):
        args = (args,)
    with in_force(_exchanges(module, parameters_and_buffers)):
        return module(*args, **(kwargs or {}))


class _Place(NamedTuple):
    """Where a module keeps a parameter or a buffer."""

    owner: nn.Module
    attribute: str
    key: str
    tensor: Any  # what is there before


def _exchanges(module: nn.Module, values: Mapping[str, Any]) -> Exchanges:
    """Which place is to get which value."""
    places = {
        f"{path}.{key}" if path else key: _Place(owner, attribute, key, tensor)
        for path, owner in module.named_modules(remove_duplicate=False)
        for attribute in ("_parameters", "_buffers")
        for key, tensor in seen_here(owner, attribute).items()
    }
    around = exchanges()
    exchanged: dict[tuple[int, str], Exchange] = {}
    for name, value in values.items():
        if name not in places:
            raise TapeError(
                f"functional_call: {type(module).__name__} has no parameter or buffer {name!r}; it has "
                f"{', '.join(places) or 'none'}"
            )
        own = places[name].tensor
        for tied, place in places.items():
            if tied != name and (own is None or place.tensor is not own):
                continue
            if values.get(tied, value) is not value:
                raise TapeError(
                    f"functional_call: {name!r} and {tied!r} are one tensor of the module but have two values here; "
                    "give one of them"
                )
            if isinstance(place.owner, nn.RNNBase):
                raise TapeError(
                    f"functional_call: {type(place.owner).__name__} keeps copies of its parameters, which cannot be "
                    "exchanged; write the recurrence as a loop of torch operations"
                )
            key = (id(place.owner), place.attribute)
            if key not in exchanged:
                values_around = around[key].values if key in around else {}
                exchanged[key] = Exchange(place.owner, place.attribute, dict(values_around))
            exchanged[key].values[place.key] = value
    return exchanged
