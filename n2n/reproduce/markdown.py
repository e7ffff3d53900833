"""A report as Markdown."""

from collections.abc import Iterable

from n2n.reproduce.document import Block, Heading, Items, Paragraph, Picture, Table

__all__ = ["markdown"]


def markdown(blocks: Iterable[Block]) -> str:
    """The blocks with an empty line between them; pictures are links to the files beside it.

    >>> print(markdown([Heading(2, "Nets"), Table(("net", "dB"), [("net4", "22.24")])]))
    ## Nets
    <BLANKLINE>
    | net | dB |
    | --- | ---: |
    | net4 | 22.24 |
    <BLANKLINE>
    """
    return "\n\n".join(map(_block, blocks)) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Items(texts):
            return "\n".join(f"- {text}" for text in texts)
        case Table(header, rows):
            rule = ["---", *["---:"] * (len(header) - 1)]
            return "\n".join(map(_row, [header, rule, *rows]))
        case Picture(name, description):
            return f"![{description}]({name})"


def _row(cells: Iterable[str]) -> str:
    escaped = " | ".join(cell.replace("|", r"\|") for cell in cells)
    return f"| {escaped} |"
