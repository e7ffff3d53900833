"""What `check` tried: how many examples of each property, and what it left out and why."""

from dataclasses import dataclass, field

__all__ = ["Report", "Tally"]

_SHOWN = 8  # so many kinks are written out


@dataclass
class Tally:
    """One property: on how many examples it held, and if on none, why it was not tried."""

    name: str
    says: str
    examples: int = 0
    skipped: str = ""

    def __str__(self) -> str:
        count = f"{self.examples:5}" if self.examples else "    -"
        return f"{count}  {self.name:<18} {self.says if self.examples else 'skipped: ' + self.skipped}"


@dataclass
class Report:
    """Of one `check`; prints as a table. `notes` say what the example left open.

    `calls` counts the calls that all properties hold on; `tallies` has a `Tally` for each property by its name.
    `kinks` has one line for each point at which the slopes from both sides differ, which nobody declared, and the
    derivative lies between them.

    >>> import torch
    >>> from tape import verify
    >>> report = verify.check(torch.sin, torch.ones(2), order=1)
    >>> report.skipped["second order"], report.examples["vjp"] == report.calls
    ('order is 1', True)
    """

    op: str
    order: int
    seed: int
    calls: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kinks: list[str] = field(default_factory=list)

    @property
    def examples(self) -> dict[str, int]:
        """The number of examples of each property."""
        return {name: tally.examples for name, tally in self.tallies.items()}

    @property
    def skipped(self) -> dict[str, str]:
        """The properties that were not tried, each with the reason."""
        return {name: tally.skipped for name, tally in self.tallies.items() if not tally.examples}

    def __str__(self) -> str:
        lines = [f"{self.op}: verified on {self.calls} calls to order {self.order}, seed {self.seed}"]
        lines += [str(tally) for tally in self.tallies.values()]
        if self.kinks:
            places = "a point that is" if len(self.kinks) == 1 else f"{len(self.kinks)} points that are"
            lines.append(f"kinks: {places} not declared, where the derivative lies between the slopes of both sides:")
            lines += [f"  {kink}" for kink in self.kinks[:_SHOWN]]
            lines += [f"  and {len(self.kinks) - _SHOWN} more"] * (len(self.kinks) > _SHOWN)
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
