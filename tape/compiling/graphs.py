"""On CUDA: a program's text captured once as a graph of kernels, which one launch runs again."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tape.compiling.line import Line

__all__ = ["Captured", "capture_device", "gpu_of", "stream_of"]


def capture_device(line: Line) -> torch.device | None:
    """The GPU on which a program can be captured: all its tensors are there, and it draws nothing at random.

    What runs on the CPU in between, such as an optimizer's count of steps, would not run again.
    """
    device = gpu_of(line)
    elsewhere = any(buffer.device != device for buffer in line.buffers.values())
    random = any(operation.random for operation in line.operations)
    return None if elsewhere or random or not line.operations else device


def stream_of(device: torch.device | None) -> int:
    """The stream on which kernels are queued, as a number; 0 without a GPU. Two streams must not share an arena."""
    return 0 if device is None else int(torch.cuda.current_stream(device).cuda_stream)


def gpu_of(line: Line) -> torch.device | None:
    """The first GPU that a program has a tensor on."""
    return next((buffer.device for buffer in line.buffers.values() if buffer.device.type == "cuda"), None)


class Captured:
    """A text with the addresses that its first call was given; later calls copy their arguments there."""

    def __init__(
        self, text: Callable[..., Sequence[Tensor]], arguments: Sequence[Tensor], device: torch.device
    ) -> None:
        self.arguments = [torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=device) for x in arguments]
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(device):
            beside = torch.cuda.Stream()
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):  # libraries set themselves up in a first run, which cannot be captured
                self._fill(arguments)
                text(*self.arguments)
            torch.cuda.current_stream().wait_stream(beside)
            with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
                self.results = text(*self.arguments)

    def run(self, arguments: Sequence[Tensor]) -> list[Tensor]:
        """What the text returns, in memory of its own."""
        self._fill(arguments)
        self.graph.replay()
        return [x.clone() for x in self.results]

    def _fill(self, arguments: Sequence[Tensor]) -> None:
        for place, x in zip(self.arguments, arguments, strict=True):
            place.copy_(x)
