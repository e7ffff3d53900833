"""A report as plain data: headings, paragraphs, tables and pictures, whatever it is written as.

In text, `**` around words makes them bold and a backtick around them code, as in Markdown; nothing else is marked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Block", "Heading", "Items", "Paragraph", "Picture", "Table"]


@dataclass(frozen=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Items:
    """A list of remarks."""

    texts: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Every row has a text for each column; the first column names the row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A PNG file beside the report, by its name, and what it shows, in words."""

    name: str
    description: str


Block = Heading | Paragraph | Items | Table | Picture
