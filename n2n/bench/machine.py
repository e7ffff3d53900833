"""The machine: what it is, and how much of it a run uses."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

__all__ = ["available_cores", "cores", "full_precision", "machine"]


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def cores(count: int) -> Iterator[None]:
    """Keeps torch to a number of threads, and the process to as many cores: JAX has no other setting."""
    threads = torch.get_num_threads()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    torch.set_num_threads(count)
    if count < len(allowed):
        os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if count < len(allowed):
            os.sched_setaffinity(0, allowed)


@contextmanager
def full_precision() -> Iterator[None]:
    """On a GPU, convolutions and matrix products in float32 for everybody, and cuDNN's fastest kernels.

    Left alone, torch rounds a convolution's factors to TF32 and a matrix product's not.
    """
    if not torch.cuda.is_available():
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
        yield


def machine(device: torch.device) -> dict[str, str]:
    """Names, versions and how busy the machine is: what a reader of ratios wants to know."""
    described = {"cpu": _cpu(), "cores": str(available_cores())}
    if hasattr(os, "getloadavg"):
        described["load"] = f"{os.getloadavg()[0]:.1f} processes in the last minute, this one's included"
    if device.type == "cuda":
        described["gpu"] = torch.cuda.get_device_name(device)
    described |= {"system": f"{platform.system()} {platform.release()}", "python": platform.python_version()}
    for package in ("torch", "jax", "autograd", "numpy"):
        try:
            described[package] = version(package)
        except PackageNotFoundError:
            described[package] = "absent"
    return described


def _cpu() -> str:
    """A processor's name: where Linux has it, or what Python knows."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
