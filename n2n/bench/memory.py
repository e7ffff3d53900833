"""The peak memory of a training step over its inputs, parameters and Adam's state, or of a picture's denoising over
picture and parameters, in bytes.

On the CPU it is the high-water mark of the resident set in a fresh process, as torch's profiler sees neither what
its kernels' libraries allocate nor what another Python thread does. In that process the allocator gives each freed
block back at once, so that the mark counts what is in use and not what is kept for later: two steps then agree.
"""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, cast

import torch

from n2n.bench.peers import makers
from n2n.bench.peers.contender import Fed
from n2n.bench.problem import Problem, problem
from n2n.bench.rows import Work

__all__ = ["Job", "Peaks", "measurable", "serve"]

ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=65536", "OPENBLAS_NUM_THREADS": "1"}


class Job(NamedTuple):
    """A contender's work on a problem."""

    work: Work
    contender: str
    network: str
    side: int
    batch: int
    seed: int
    threads: int


def measurable(device: torch.device) -> bool:
    """Whether peaks can be measured: on a GPU, and on the CPU of a Linux that lets a process reset its mark."""
    return device.type == "cuda" or os.access("/proc/self/clear_refs", os.W_OK)


class Peaks:
    """Measures peaks, each in a process that is forked from a fresh one which has imported everything.

    A context manager: the fresh process ends with it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Peaks":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.communicate()

    def __call__(self, job: Job) -> int:
        """The peak of a job."""
        if self._device.type == "cuda":
            return _cuda_peak(job, self._device)
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-c", "from n2n.bench.memory import serve; serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | ENVIRONMENT,
            )
        to, back = cast(IO[str], self._server.stdin), cast(IO[str], self._server.stdout)
        to.write(json.dumps(job) + "\n")
        to.flush()
        answer = back.readline()
        if not answer.strip():
            raise RuntimeError(f"the process that measures memory failed at {job}; its own message stands above")
        return int(answer)


def serve() -> None:
    """Answers jobs, one a line of standard input, with their peaks; an empty line says that one failed."""
    for line in sys.stdin:
        if child := os.fork():
            if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
                sys.stdout.write("\n")
                sys.stdout.flush()
            continue
        job = Job(*json.loads(line))
        torch.set_num_threads(job.threads)
        sys.stdout.write(f"{_resident_peak(job)}\n")
        sys.stdout.flush()
        os._exit(0)


def _resident_peak(job: Job) -> int:
    contender = _warm(job, torch.device("cpu"))
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    for _ in range(2):
        contender.step()
    return _resident("VmHWM") - before


def _resident(field: str) -> int:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[field].split()[0]) * 1024


def _cuda_peak(job: Job, device: torch.device) -> int:
    contender = _warm(job, device)
    before = torch.cuda.memory_allocated(device)
    # cuDNN tries its kernels out at the first step of a size, with more room than any step after it takes.
    contender.step()
    torch.cuda.reset_peak_memory_stats(device)
    contender.step()
    contender.wait()
    return int(torch.cuda.max_memory_allocated(device)) - before


def _warm(job: Job, device: torch.device) -> Fed:
    """A contender that holds its batch and has taken two steps, on something small only: libraries are loaded and
    Adam's state is there, and what a step keeps from one to the next still counts as its own."""

    def drawn(job: Job) -> Problem:
        return problem(job.network, job.side, job.batch, job.seed, device)

    small = job._replace(batch=2) if job.work == "step" else job._replace(side=32)
    contender = makers(job.work, device)[job.contender](drawn(small))
    for _ in range(2):
        contender.step()
    full = drawn(job)
    contender.feed(full.noisy, full.target)
    del full
    gc.collect()
    return contender
