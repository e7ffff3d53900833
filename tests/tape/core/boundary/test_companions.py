"""An operation that a package beside this one implements is refused with that package's name."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import tape
from tape.core.boundary import companions
from tape.core.boundary.companions import bringer

PROGRAM = """
import sys, torch, tape
import torch.nn.functional as F
x = torch.ones(1, 1, 4, 4)
for f in ({calls}):
    try:
        tape.grad(lambda x: f(x).sum())(x)
        print("differentiated")
    except tape.TapeError as error:
        print(error)
assert "nn" not in sys.modules
"""
CALLS = [
    "lambda x: F.mse_loss(x, x * 0)",
    "lambda x: F.l1_loss(x, x * 0)",
    "lambda x: F.conv2d(x, torch.ones(1, 1, 2, 2))",
    "lambda x: torch.conv2d(x, torch.ones(1, 1, 2, 2))",
    "lambda x: F.conv_transpose2d(x, torch.ones(1, 1, 2, 2))",
    "lambda x: F.max_pool2d(x, 2)",
    "lambda x: F.avg_pool2d(x, 2)",
    "lambda x: F.interpolate(x, scale_factor=2)",
    "lambda x: torch.nn.Conv2d(1, 1, 1)(x)",
    "lambda x: torch.nn.MSELoss()(x, x * 0)",
]


def test_what_nn_implements_says_so_until_it_is_imported() -> None:
    program = PROGRAM.format(calls=", ".join(CALLS) + ", lambda x: torch.special.zeta(x, x)")
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(tape.__file__).parents[1]
    )
    *of_nn, of_nobody = run.stdout.splitlines()
    assert len(of_nn) == len(CALLS)
    for message in of_nn:
        assert "has no derivative rule" in message
        assert message.endswith("write import nn")
    assert "@tape.implements" in of_nobody


def test_a_package_that_is_imported_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nn", raising=False)
    assert bringer("conv2d") == "nn"
    monkeypatch.setitem(sys.modules, "nn", torch.nn)
    assert bringer("conv2d") is None


def test_a_package_that_is_not_there_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "COMPANIONS", ("no_such_package", "math"))
    assert bringer("conv2d") is None
