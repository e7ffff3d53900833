"""On a GPU a program whose tensors are all there is captured as a graph; nothing else about it changes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import nn
import tape
from tape.compiling.graphs import capture_device, gpu_of, stream_of
from tape.compiling.line import Line
from tape.compiling.noting import note

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
CUDA = torch.device("cuda", 0)


def noted(f: Callable[..., Any]) -> Line:
    return note(lambda leaves: f(*leaves), [torch.ones(2, 3)])[0]


def moved(line: Line, count: int) -> Line:
    """With the first `count` buffers on a GPU, as if they had been noted there."""
    first = list(line.buffers)[:count]
    return replace(line, buffers={n: replace(b, device=CUDA) if n in first else b for n, b in line.buffers.items()})


def test_a_program_on_the_gpu_alone_is_captured() -> None:
    line = noted(lambda x: x.sin() @ x.t())
    assert capture_device(moved(line, len(line.buffers))) == CUDA


def test_a_program_that_needs_the_cpu_is_not() -> None:
    line = noted(lambda x: x.sin() @ x.t())
    assert capture_device(moved(line, 1)) is None
    assert gpu_of(moved(line, 1)) == CUDA
    assert capture_device(line) is None
    assert gpu_of(line) is None
    assert stream_of(None) == 0


def test_a_program_that_draws_or_does_nothing_is_not() -> None:
    for line in (noted(torch.rand_like), noted(lambda x: x)):
        assert capture_device(moved(line, len(line.buffers))) is None


def loss(w: Tensor, x: Tensor) -> Tensor:
    return nn.conv2d(x, w, padding=1).tanh().square().mean()


def arguments(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = (16, 16, 3, 3), (2, 16, 16, 16)
    w, x = (torch.randn(*shape, generator=generator).to(CUDA) for shape in shapes)
    return w, x


@on_gpu
def test_replayed_calls_have_the_values_of_the_function() -> None:
    f = tape.value_and_grad(loss)
    compiled = tape.compile(f)
    for seed in range(4):
        (value, grad), (wanted, wanted_grad) = compiled(*arguments(seed)), f(*arguments(seed))
        torch.testing.assert_close(value, wanted)
        torch.testing.assert_close(grad, wanted_grad)


@on_gpu
def test_results_are_kept_over_later_calls() -> None:
    compiled = tape.compile(lambda x: x.sin() + 1)
    x = torch.ones(3, device=CUDA)
    results = [compiled(k * x) for k in range(4)]
    for k, result in enumerate(results):
        torch.testing.assert_close(result, (k * x).sin() + 1)


@on_gpu
def test_a_tensor_that_is_closed_over_is_read_afresh() -> None:
    scale = torch.ones((), device=CUDA)
    compiled = tape.compile(lambda x: (x * scale).sum())
    x = torch.ones(5000, device=CUDA)
    compiled(x), compiled(x)
    scale.fill_(2.0)
    assert compiled(x).item() == 10_000


@on_gpu
def test_two_streams_do_not_share_memory() -> None:
    compiled = tape.compile(lambda x: (x @ x).cos() @ x)
    x = torch.rand(512, 512, device=CUDA)
    wanted = [compiled(k * x).clone() for k in range(3)]
    streams = [torch.cuda.Stream() for _ in range(3)]
    torch.cuda.synchronize()
    results = []
    for k, stream in enumerate(streams):
        with torch.cuda.stream(stream):
            results.append(compiled(k * x))
    torch.cuda.synchronize()
    for result, right in zip(results, wanted, strict=True):
        torch.testing.assert_close(result, right)


@on_gpu
def test_a_graph_of_the_users_own_may_be_captured_around_it() -> None:
    compiled = tape.compile(lambda x: x.sin() * 2)
    x = torch.ones(3, device=CUDA)
    compiled(x), compiled(x)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = compiled(x)
    x.zero_()
    graph.replay()
    assert y.tolist() == [0.0, 0.0, 0.0]
