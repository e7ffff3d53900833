"""The report as tables for the terminal, each of which fits one of 80 columns."""

from collections.abc import Iterator
from statistics import median

from rich.table import Table

from n2n.bench.results import Growth, Judged, Report, Start, Timed

__all__ = ["tables"]

UNITS = {"step": (1e3, "ms"), "picture": (1e3, "ms"), "operation": (1e6, "µs/op")}


def tables(report: Report) -> Iterator[Table]:
    """Machine, times, first calls, memory, growth: what was measured of them."""
    yield _machine(report)
    if report.rows:
        yield _times(report)
    if report.starts:
        yield _starts(report.starts)
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
    """A group of lines for each row: what was done, who did it."""
    fewest, most = min(_rounds(row) for row in report.rows), max(_rounds(row) for row in report.rows)
    rounds = f"{most}" if fewest == most else f"{fewest} to {most}"
    table = _table(f"Times: medians of paired rounds ({rounds}), quartiles in brackets")
    for column in ("time", "tape / it", "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in report.rows:
        table.add_row(f"[bold]{row.title}[/bold]")
        table.add_row(f"  {row.ours}", _time(row, row.ours))
        for peer, ratio in row.ratios.items():
            goals = [_goal(goal) for goal in row.goals if goal.against == peer]
            shown = f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"
            table.add_row(f"  {peer}", _time(row, peer), shown, *goals)
        table.add_section()
    return table


def _table(title: str) -> Table:
    """A table whose first column has names, which alone may be broken between words."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    return table


def _rounds(row: Timed) -> int:
    return len(row.seconds[row.ours])


def _time(row: Timed, name: str) -> str:
    factor, unit = UNITS[row.unit]
    return f"{factor * median(row.seconds[name]):.2f} {unit}"


def _goal(goal: Judged) -> str:
    return _marked(f"≤ {goal.at_most:g}", goal.met)


def _marked(text: str, met: bool) -> str:
    return f"[green]{text} ✓[/green]" if met else f"[red]{text} –[/red]"


def _starts(starts: list[Start]) -> Table:
    """First calls, and the look-up of those after them."""
    table = _table("First calls, and what a later one takes to find its program")
    names = list(dict.fromkeys(name for start in starts for name in start.seconds))
    for column in (*names, "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    for start in starts:
        cells = [_duration(start.seconds[name]) if name in start.seconds else "" for name in names]
        goals = [] if start.at_most is None else [_marked(f"≤ {_duration(start.at_most)}", start.met)]
        table.add_row(start.title, *cells, *goals)
    return table


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def _memory(rows: list[Timed]) -> Table:
    table = _table("Peak memory in MiB, over inputs, parameters and Adam's state")
    measured = [row for row in rows if row.peaks]
    names = list(measured[0].peaks)
    for name in names:
        table.add_column("\n".join(name.split()), justify="right", no_wrap=True)
    table.add_column("tape /\nleaner peer", justify="right", no_wrap=True)
    table.add_column("goal", justify="right", no_wrap=True)
    for row in measured:
        cells = [f"{row.peaks[name] / 2**20:.1f}" for name in names]
        goal = row.memory_goal
        table.add_row(row.title, *cells, *([f"{goal.ratio:.2f}", _goal(goal)] if goal else []))
    return table


def _growth(growth: Growth) -> Table:
    table = _table(f"Growth of {growth.network}, batch {growth.batches[0]:,} to {growth.batches[-1]:,}")
    for column in ("time", "memory"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, power in growth.time_exponents.items():
        memory = growth.memory_exponents.get(name)
        table.add_row(name, f"batch^{power:.2f}", "not measured" if memory is None else f"batch^{memory:.2f}")
    return table
