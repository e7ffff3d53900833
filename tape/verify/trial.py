"""A trial: one drawn call of the function under test, as a function of its floating-point inputs alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tape import tree
from tape.core.primitive import Primitive
from tape.core.traced import raw
from tape.verify.agreement import Agreement

__all__ = ["Call", "Trial", "copies", "is_real"]

_HIDDEN = "at some points rounding of the function's own values hides what its derivative is"


@dataclass(eq=False)
class Call:
    """Arguments for one call. `seed` is of the cotangents; `tied` says that inputs must not be made equal."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    tied: bool = False


class Trial:
    """One call of a function under test, and what is known of it: inputs, outputs, pullback, cotangents."""

    def __init__(self, function: Callable[..., Any], call: Call, vjp: Callable[..., Any], strict: bool = False) -> None:
        self.function = function
        self.strict = strict  # whether kinks had to be declared
        self.kinks: list[str] = []  # those that nobody declared
        self.notes: list[str] = []  # what could not be tried
        self.call = call
        self.vjp = vjp
        self.generator = torch.Generator().manual_seed(call.seed)
        self.leaves, self.treedef = tree.flatten((call.args, call.kwargs))
        self.paths = [path.partition(".")[2] for path in tree.paths((call.args, call.kwargs))]
        static = set(function.static) if isinstance(function, Primitive) else set()
        count = len(tree.leaves(call.args))
        self.places = [
            i
            for i, leaf in enumerate(self.leaves)
            if is_real(leaf) and (i < count or self.paths[i].partition(".")[0] not in static)
        ]
        self.integers = [
            i
            for i, leaf in enumerate(self.leaves[:count])
            if isinstance(leaf, Tensor) and not leaf.is_floating_point() and not leaf.is_complex()
        ]
        self.inputs: list[Tensor] = [self.leaves[i] for i in self.places]

    def filled(self, places: Sequence[int], values: Sequence[Any]) -> list[Any]:
        """Calls the function with some leaves replaced, and returns the leaves of what it gives."""
        leaves = list(self.leaves)
        for place, value in zip(places, values, strict=True):
            leaves[place] = value
        args, kwargs = tree.unflatten(self.treedef, leaves)
        return list(tree.leaves(self.function(*args, **kwargs)))

    def f(self, *inputs: Any) -> list[Any]:
        """The function of the floating-point inputs alone."""
        return self.filled(self.places, inputs)

    def record(self, *inputs: Tensor, **options: Any) -> tuple[list[Any], Callable[[Any], tuple[Any, ...]]]:
        out, pullback = self.vjp(self.f, *(inputs or self.inputs), **options)
        return out, pullback

    @cached_property
    def recorded(self) -> tuple[list[Any], Callable[[Any], tuple[Any, ...]]]:
        """The outputs, and the pullback, at the inputs as they are."""
        return self.record()

    @property
    def outputs(self) -> list[Any]:
        return self.recorded[0]

    def pull(self, cotangents: Any) -> tuple[Any, ...]:
        return self.recorded[1](cotangents)

    @cached_property
    def cotangents(self) -> list[Any]:
        return self.draw(self.outputs)

    @cached_property
    def gradients(self) -> tuple[Any, ...]:
        """What the pullback gives for `cotangents`; later calls must give it again."""
        return tuple(None if g is None else g.clone() for g in self.pull(copies(self.cotangents)))

    def draw(self, outputs: Sequence[Any]) -> list[Any]:
        """One cotangent for each floating-point output."""
        return [
            torch.randn(y.shape, generator=self.generator, dtype=torch.float64).to(y) if is_real(y) else None
            for y in outputs
        ]

    def with_inputs(self, inputs: Sequence[Tensor]) -> "Trial":
        """The same call at other inputs."""
        leaves = list(self.leaves)
        for place, value in zip(self.places, inputs, strict=True):
            leaves[place] = value
        args, kwargs = tree.unflatten(self.treedef, leaves)
        return Trial(self.function, Call(args, kwargs, self.call.seed, self.call.tied), self.vjp, self.strict)

    def found(self, agreement: Agreement) -> None:
        """Notes what an agreement with differences has to say."""
        if agreement.kink:
            self.kinks.append(agreement.kink)
        if agreement.hidden:
            self.notes.append(_HIDDEN)

    @property
    def wide(self) -> bool:
        """Whether all is in float64, so that there are digits to take differences of."""
        return all(raw(y).dtype == torch.float64 for y in [*self.inputs, *self.outputs] if is_real(y))

    @property
    def epsilon(self) -> float:
        """The relative precision of the coarsest of its inputs and outputs."""
        return max(torch.finfo(raw(y).dtype).eps for y in [*self.inputs, *self.outputs] if is_real(y))


def copies(tensors: Sequence[Any]) -> list[Any]:
    return [x.clone() if isinstance(x, Tensor) else x for x in tensors]


def is_real(x: Any) -> bool:
    plain = raw(x)
    return isinstance(plain, Tensor) and plain.is_floating_point()
