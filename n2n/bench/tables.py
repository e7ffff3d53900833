"""The report as tables for the terminal."""

from collections.abc import Iterator
from statistics import median

from rich.table import Table

from n2n.bench.peers.choice import OURS
from n2n.bench.results import Growth, Judged, Report, Timed

__all__ = ["tables"]

UNITS = {"step": (1e3, "ms"), "operation": (1e6, "µs")}


def tables(report: Report) -> Iterator[Table]:
    """Machine, times, memory, growth: what was measured of them."""
    yield _machine(report)
    if report.rows:
        yield _times(report)
    if any(row.peaks for row in report.rows):
        yield _memory(report.rows)
    if report.growth is not None:
        yield _growth(report.growth)


def _machine(report: Report) -> Table:
    table = Table(show_header=False)
    for name, value in report.machine.items():
        table.add_row(name, value)
    table.add_row("threads", str(report.threads))
    if report.absent:
        table.add_row("not installed", f"{', '.join(report.absent)}: not compared")
    return table


def _times(report: Report) -> Table:
    fewest, most = min(_rounds(row) for row in report.rows), max(_rounds(row) for row in report.rows)
    rounds = f"{most}" if fewest == most else f"{fewest} to {most}"
    title = f"Time of a training step: medians of paired rounds ({rounds}), quartiles in brackets"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("tape", "peer", "its time", "tape / peer", "goal"):
        table.add_column(column, justify="left" if column == "peer" else "right")
    for row in report.rows:
        label, ours = row.title, _time(row, OURS)
        for peer, ratio in row.ratios.items():
            goals = [_goal(goal) for goal in row.goals if goal.against == peer]
            shown = f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"
            table.add_row(label, ours, peer, _time(row, peer), shown, *goals)
            label = ours = ""
        table.add_section()
    return table


def _rounds(row: Timed) -> int:
    return len(row.seconds[OURS])


def _time(row: Timed, name: str) -> str:
    factor, unit = UNITS[row.unit]
    return f"{factor * median(row.seconds[name]):.2f} {unit}{'' if row.unit == 'step' else '/op'}"


def _goal(goal: Judged) -> str:
    return f"[green]≤ {goal.at_most:g} ✓[/green]" if goal.met else f"[red]≤ {goal.at_most:g} –[/red]"


def _memory(rows: list[Timed]) -> Table:
    table = Table(title="Peak memory of a step, over its inputs, parameters and Adam's state", title_justify="left")
    table.add_column("")
    measured = [row for row in rows if row.peaks]
    for name in measured[0].peaks:
        table.add_column(name, justify="right")
    table.add_column("tape / lower peer", justify="right")
    table.add_column("goal", justify="right")
    for row in measured:
        cells = [f"{peak / 2**20:.1f} MiB" for peak in row.peaks.values()]
        goal = row.memory_goal
        table.add_row(row.title, *cells, *([f"{goal.ratio:.2f}", _goal(goal)] if goal else []))
    return table


def _growth(growth: Growth) -> Table:
    batches = f"{growth.batches[0]:,} to {growth.batches[-1]:,}"
    table = Table(title=f"Growth of {growth.network}, batch {batches}", title_justify="left")
    for column in ("", "time", "memory"):
        table.add_column(column, justify="right" if column else "left")
    for name, power in growth.time_exponents.items():
        memory = growth.memory_exponents.get(name)
        table.add_row(name, f"batch^{power:.2f}", "not measured" if memory is None else f"batch^{memory:.2f}")
    return table
