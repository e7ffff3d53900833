"""What a run needs to go on."""

from typing import Any, NamedTuple

from torch import Tensor

from nn import Params

__all__ = ["State"]


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
