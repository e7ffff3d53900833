"""Verification of derivatives: for a new op, for a test suite, for everything that the engine itself is made of.

>>> import torch
>>> from tape import verify
>>> report = verify.check(torch.tanh, torch.linspace(-1, 1, 3))
>>> report.examples["second order"] > 0
True
"""

from tape.core.domain import boolean, case, convention, integer, real, refusal
from tape.verify import requirement as requirement
from tape.verify.checking import check
from tape.verify.report import Report
from tape.verify.strategies import broadcastable_shapes, cotangents, dims, indices, layouts, shapes, tensors
from tape.verify.suite import suite
from tape.verify.violation import VerificationError

__all__ = [
    "Report",
    "VerificationError",
    "boolean",
    "broadcastable_shapes",
    "case",
    "check",
    "convention",
    "cotangents",
    "dims",
    "indices",
    "integer",
    "layouts",
    "real",
    "refusal",
    "shapes",
    "suite",
    "tensors",
]
