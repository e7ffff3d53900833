"""A report as one HTML file that needs nothing else: pictures are inside it, styles too, and there are no scripts."""

import base64
import html
import re
from collections.abc import Iterable
from pathlib import Path

from n2n.reproduce.document import Block, Heading, Items, Paragraph, Picture, Table

__all__ = ["html_page"]

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6470; --page: #fff; --line: #dfe3e8; --band: #f5f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --soft: #9aa4b0; --page: #15181c; --line: #30363d; --band: #1d2126; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 80rem; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 1.7rem; line-height: 1.25; margin: .5rem 0 1rem; }
h2 {
  font-size: 1.25rem; line-height: 1.3; margin: 2.8rem 0 .8rem; padding-top: 1rem;
  border-top: 1px solid var(--line);
}
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p, ul { max-width: 46rem; margin: .6rem 0; }
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; color: var(--soft); }
code {
  font: .88em ui-monospace, Menlo, Consolas, monospace; background: var(--band); padding: .1em .3em;
  border-radius: 4px;
}
.table { overflow-x: auto; margin: 1rem 0; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .6rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th {
  border-top: 0; color: var(--soft); font-weight: 600; white-space: normal; vertical-align: bottom;
  min-width: 4.6rem;
}
th:first-child {
  text-align: left; font-weight: 500; white-space: normal; min-width: 6rem;
  position: sticky; left: 0; background: var(--page);
}
thead th, thead th:first-child { background: var(--band); }
figure { margin: 1rem 0; }
img {
  display: block; max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: 8px;
}
"""


def html_page(title: str, blocks: Iterable[Block], folder: Path) -> str:
    """The page; the files of its pictures are read from `folder`."""
    body = "\n".join(_block(block, folder) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _block(block: Block, folder: Path) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{_text(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_text(text)}</p>"
        case Items(texts):
            return f"<ul>{''.join(f'<li>{_text(text)}</li>' for text in texts)}</ul>"
        case Table(header, rows):
            head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in header)
            body = "\n".join(_row(row) for row in rows)
            # What scrolls can be reached with the keyboard.
            return (
                f'<div class="table" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n'
                f"<tbody>\n{body}\n</tbody>\n</table></div>"
            )
        case Picture(name, description):
            data = base64.b64encode((folder / name).read_bytes()).decode()
            return f'<figure><img src="data:image/png;base64,{data}" alt="{html.escape(description)}"></figure>'


def _row(row: Iterable[str]) -> str:
    first, *rest = map(_text, row)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'


def _text(text: str) -> str:
    escaped = html.escape(text, quote=False)
    bold = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)
