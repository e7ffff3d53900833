"""The walk: every implementation that `implements` knows, over the whole range of each dtype."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from tape.core.traced import Traced
from tape.verify.ranges.calls import CALLS
from tape.verify.ranges.comparing import Fault, Refused, compare
from tape.verify.ranges.drawing import Point, drawn, points
from tape.verify.ranges.example import Example

__all__ = ["DTYPES", "Finding", "Walk", "name_of", "walk"]

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


class Finding(NamedTuple):
    """Where a function is worse than torch: the first point of its kind, and how many more there are."""

    function: str
    example: Example
    dtype: torch.dtype
    point: Point
    fault: Fault
    count: int

    def __str__(self) -> str:
        fault = self.fault
        return (
            f"{self.function} {str(self.dtype)[6:]}, {fault.what}: {fault.kind}, at {self.point}"
            f"{f' and {self.count - 1} more' if self.count > 1 else ''}\n"
            f"    {_written(self.example)}\n"
            f"    tape {fault.tape:.9g}  torch {fault.torch:.9g}  float64 {fault.float64:.9g}"
        )


@dataclass
class Walk:
    """What a walk found, and what it tried. `refused` is what torch itself has no kernel for."""

    findings: list[Finding] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    calls: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def wrong(self) -> set[str]:
        return {finding.function for finding in self.findings}

    def __str__(self) -> str:
        return (
            f"{len(self.functions)} functions on {self.calls} calls: {len(self.wrong())} are worse than torch "
            f"in {len(self.findings)} ways"
        )


def walk(
    examples: Iterable[Example] = CALLS,
    dtypes: Sequence[torch.dtype] = DTYPES,
    few: bool = False,
    seed: int = 0,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> Walk:
    """Compares every example at every point, in each dtype. `few` takes some magnitudes in place of all.

    >>> import torch
    >>> from tape.verify.ranges.example import call, wide
    >>> walk([call(torch.square, wide("3"))], few=True).findings
    []
    """
    result = Walk()
    for example in examples:
        ours = Traced.functions[example.function][1]
        name = name_of(example.function)
        result.functions.add(name)
        for dtype in dtypes:
            found: dict[tuple[str, str], list[tuple[Point, Fault]]] = {}
            tried = 0
            for point in points(example, dtype, few):
                args, options = drawn(example, point, dtype, seed)
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        faults = compare(ours, example.function, args, options, seed)
                except Refused as refused:
                    reason = str(refused)
                    continue
                tried += 1
                for fault in faults:
                    found.setdefault((fault.what, fault.kind if "ulps" not in fault.kind else "ulps"), []).append((point, fault))
            result.calls += tried
            if not tried:
                result.refused[f"{name} {str(dtype)[6:]}"] = reason
            for at in found.values():
                result.findings.append(Finding(name, example, dtype, *at[0], len(at)))
                on_finding(result.findings[-1])
    return result


def name_of(function: Any) -> str:
    owner = getattr(getattr(function, "__objclass__", None), "__name__", None) or getattr(function, "__module__", None)
    return f"{owner or 'torch'}.{function.__name__}".replace("TensorBase", "Tensor").replace("torch._tensor", "Tensor")


def _written(example: Example) -> str:
    args = [repr(arg) for arg in example.args] + [f"{k}={v!r}" for k, v in example.options.items()]
    return f"{name_of(example.function)}({', '.join(args)})"
