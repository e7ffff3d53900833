"""A program for tests: trains in processes that are killed with SIGKILL, each going on where the one before it was.

    python killing.py KILLS RUN [OPTION ...]
    python killing.py at-each-operation RUN [OPTION ...]

The options are those of `n2n train`. Beside the folder RUN it makes one named `whole`, of a run that is not killed. It
prints how many processes were killed. They are forked from this one, which has imported everything, so that each starts
at once.
"""

import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import torch

import n2n.__main__
from n2n import network

CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}


def start(run: Path, options: list[str], dies_before: int | None = None) -> int:
    """Begins the run, or goes on with it, in another process; returns its id."""
    process = os.fork()
    if process == 0:
        words = ["--resume", str(run)] if run.exists() else [*options, "--out", str(run)]
        sys.argv = ["n2n", "train", *words, "--save-every", "0.01"]
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if dies_before is not None:
            kill_before(dies_before, run.parent.resolve())
        code = 1
        try:
            n2n.__main__.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    return process


def was_killed(process: int) -> bool:
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"exit code {os.WEXITSTATUS(status)}"
    return False


def at_random(kills: int, longest: float, run: Path, options: list[str]) -> int:
    """Kills after random times of up to `longest` seconds. A process that has ended before its time does not count."""
    killed, times = 0, random.Random(0)
    while killed < kills:
        process = start(run, options)
        time.sleep(times.uniform(0, longest))
        os.kill(process, signal.SIGKILL)
        if was_killed(process):
            killed += 1
        else:
            longest /= 2
    assert not was_killed(start(run, options))
    return killed


def at_each_operation(run: Path, options: list[str]) -> int:
    """Kills the n-th process before the n-th change that it makes to the files, until one has no more to make."""
    killed = 0
    while was_killed(start(run, options, killed)):
        killed += 1
    return killed


def kill_before(operation: int, folder: Path) -> None:
    made = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal made
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wa+")
        if (event in CHANGES or writes) and Path(os.fsdecode(arguments[0])).resolve().is_relative_to(folder):
            if made == operation:
                os.kill(os.getpid(), signal.SIGKILL)
            made += 1

    sys.addaudithook(hook)


if __name__ == "__main__":
    torch.set_num_threads(1)
    network("net4").init(torch.Generator(), (3, 32, 32))  # has torch import more, once for all processes
    how, path, *options = sys.argv[1:]
    began = time.monotonic()
    assert not was_killed(start(Path(path).with_name("whole"), options))
    if how == "at-each-operation":
        print(at_each_operation(Path(path), options))
    else:
        print(at_random(int(how), (time.monotonic() - began) / 8, Path(path), options))
