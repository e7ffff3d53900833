"""Every figure of a report stands whole in 80 columns."""

from io import StringIO
from statistics import median

import pytest
from rich.console import Console

from n2n.bench.results import Growth, Report, Start, Timed, compared, weighed
from n2n.bench.rows import FASTER_EAGER, Goal
from n2n.bench.tables import tables

PEERS = ("torch", "torch channels-last", "torch.compile", "JAX jit")
MIB = 2**20
MACHINE = {"cpu": "A processor with a name that goes on and on @ 2.00GHz", "load": "0.5 processes in the last minute"}


def rounds(middle: float) -> list[float]:
    return [0.8 * middle, middle, 1.2 * middle]


def picture() -> Timed:
    seconds = {"tape": rounds(12.34567)} | {peer: [1.03 + number] * 3 for number, peer in enumerate(PEERS)}
    goals = Goal(FASTER_EAGER, 0.85), Goal("JAX jit", 0.15)
    peaks = {"tape": 12345 * MIB, "torch": 23456 * MIB, "torch channels-last": 34567 * MIB}
    return weighed(compared("unet", "unet 1024×1024, one picture", "picture", seconds, goals), peaks, 0.75)


def chain() -> Timed:
    seconds = {"tape compiled": rounds(123.45e-6), "torch autograd": [222e-6] * 3, "HIPS autograd": [333e-6] * 3}
    goals = (Goal("torch autograd", 0.4),)
    return compared("chain", "200 operations on 10 numbers", "operation", seconds, goals, "tape compiled")


STARTS = [
    Start("unet", "unet 1024×1024, one picture", {"tape": 12.3, "torch.compile": 123.0, "JAX jit": 45.6}, 10.5),
    Start("cached-call", "cached call, 10 arguments", {"tape": 17.8e-6}, 20e-6),
]
EXPONENTS = {"tape": 0.123, **dict.fromkeys(PEERS, 1.234)}
GROWTH = Growth("net4", [50, 6400], {}, {}, EXPONENTS, {"tape": 0.456})
REPORT = Report(MACHINE, 2, 15, 0, False, ["HIPS autograd"], [picture(), chain()], STARTS, GROWTH)


@pytest.fixture(scope="module")
def printed() -> str:
    out = StringIO()
    console = Console(width=80, file=out, color_system=None)
    for table in tables(REPORT):
        console.print(table)
    return out.getvalue()


def line(printed: str, *words: str) -> str:
    """The one line that has all the words."""
    (found,) = [line for line in printed.splitlines() if all(word in line for word in words)]
    return found


def test_nothing_is_wider_or_cut_off(printed: str) -> None:
    assert 60 < max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed


@pytest.mark.parametrize("row", REPORT.rows, ids=lambda row: row.name)
def test_a_line_has_a_peer_its_time_the_ratio_and_its_quartiles(printed: str, row: Timed) -> None:
    assert row.title in printed
    factor, unit = (1e3, "ms") if row.unit == "picture" else (1e6, "µs/op")
    line(printed, f" {row.ours} ", f"{factor * median(row.seconds[row.ours]):.2f} {unit}")
    for peer, ratio in row.ratios.items():
        quartiles = f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"
        line(printed, f" {peer} ", f"{factor * median(row.seconds[peer]):.2f} {unit}", quartiles)


@pytest.mark.parametrize("row", REPORT.rows, ids=lambda row: row.name)
def test_a_goal_stands_beside_the_peer_that_it_is_against(printed: str, row: Timed) -> None:
    assert row.goals
    for goal in row.goals:
        line(printed, f" {goal.against} ", f"{goal.ratio:.2f} (", f"≤ {goal.at_most:g} {'✓' if goal.met else '–'}")


def test_first_calls_stand_beside_those_of_who_else_compiles(printed: str) -> None:
    header = line(printed, "torch.compile", "JAX jit", "tape", "goal")
    figures = line(printed, "12.3 s", "123 s", "45.6 s", "≤ 10.5 s –")
    assert header.index("torch.compile") < header.index("JAX jit")
    assert figures.index("123 s") < figures.index("45.6 s")
    line(printed, "cached call, 10 arguments", "17.8 µs", "≤ 20 µs ✓")


def test_peaks_stand_in_one_line_with_their_ratio_and_goal(printed: str) -> None:
    line(printed, "12345.0", "23456.0", "34567.0", "0.53", "≤ 0.75 ✓")


def test_exponents_stand_beside_who_has_them(printed: str) -> None:
    line(printed, "tape ", "batch^0.12", "batch^0.46")
    for peer in PEERS:
        line(printed, f"│ {peer:<20}", "batch^1.23", "not measured")


def test_the_machine_and_who_is_absent_are_said(printed: str) -> None:
    line(printed, MACHINE["cpu"])
    line(printed, "not installed", "HIPS autograd")
