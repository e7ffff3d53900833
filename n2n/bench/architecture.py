"""The networks as plain data, from which each peer builds its own: nothing of `nn` stands behind a peer."""

from dataclasses import dataclass

__all__ = ["Activation", "Conv", "MaxPool", "Part", "Skip", "Upsample", "architectures"]


@dataclass(frozen=True)
class Conv:
    """A convolution with a bias."""

    out: int
    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Activation:
    """relu, leaky_relu with slope 0.1, or sigmoid."""

    name: str


@dataclass(frozen=True)
class MaxPool:
    """Squares of `size`, side by side."""

    size: int


@dataclass(frozen=True)
class Upsample:
    """Nearest neighbours."""

    scale: int


@dataclass(frozen=True)
class Skip:
    """The parts in series, and their input concatenated behind their output."""

    parts: tuple["Part", ...]


Part = Conv | Activation | MaxPool | Upsample | Skip

_RELU, _SIGMOID = Activation("relu"), Activation("sigmoid")


def _leaky(out: int) -> tuple[Part, ...]:
    return Conv(out, 3, padding=1), Activation("leaky_relu")


def _scale(depth: int) -> tuple[Part, ...]:
    below = _leaky(48) if depth == 4 else _scale(depth + 1)
    return Skip((*_leaky(48), MaxPool(2), *below, Upsample(2))), *_leaky(96), *_leaky(96)


architectures: dict[str, tuple[Part, ...]] = {
    "net1": (
        *(Conv(12, 4, 2, 2), _RELU, Conv(9, 4, 2, 2), _RELU),
        *(Upsample(2), Conv(12, 4, padding=1), _RELU, Upsample(2), Conv(3, 3), _SIGMOID),
    ),
    "net2": (
        *(Conv(12, 3, 2, 2), _RELU, Conv(12, 3, 2, 2), _RELU),
        *(Upsample(2), Conv(9, 4), _RELU, Upsample(2), Conv(3, 3), _SIGMOID),
    ),
    "net3": (
        *(Conv(12, 2, 2), _RELU, Conv(9, 2, 2, 1), _RELU),
        *(Upsample(3), Conv(12, 4, 2), _RELU, Upsample(3), Conv(3, 5), _SIGMOID),
    ),
    "net4": (
        *(Conv(12, 2, 2), _RELU, Conv(9, 2, 2, 1), _RELU),
        *(Upsample(2), Conv(12, 2), _RELU, Upsample(2), Conv(3, 3), _SIGMOID),
    ),
    "stride1": (
        *(Conv(32, 3, padding=1), _RELU, Conv(64, 3, padding=1), _RELU),
        *(Conv(32, 3, padding=1), _RELU, Conv(3, 3, padding=1)),
    ),
    "unet": (
        Skip((*_leaky(48), *_leaky(48), MaxPool(2), *_scale(1), Upsample(2))),
        *(*_leaky(64), *_leaky(32), Conv(3, 3, padding=1)),
    ),
}
