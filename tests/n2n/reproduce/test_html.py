import re
from pathlib import Path

import matplotlib.figure

from n2n.reproduce.document import Heading, Items, Paragraph, Picture, Table
from n2n.reproduce.html import html_page
from n2n.reproduce.markdown import markdown
from n2n.training.figures import save_figure

BLOCKS = (
    Heading(1, "Nets & <loss>"),
    Paragraph("**Bold**, `code` and 1 < 2."),
    Items(["one", "two"]),
    Table(("net | kind", "dB"), [("net4", "**22.24**")]),
)


def test_text_is_escaped_and_marked() -> None:
    page = html_page("a & b", BLOCKS, Path())
    assert "<title>a &amp; b</title>" in page
    assert "<h1>Nets &amp; &lt;loss&gt;</h1>" in page
    assert "<strong>Bold</strong>, <code>code</code> and 1 &lt; 2." in page
    assert '<th scope="row">net4</th><td><strong>22.24</strong></td>' in page


def test_pictures_are_inside_and_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    save_figure(tmp_path / "a.png", matplotlib.figure.Figure((1, 1)))
    page = html_page("title", [Picture("a.png", 'a "curve"')], tmp_path)
    assert re.findall(r'src="([^"]{22})', page) == ["data:image/png;base64,"]
    assert 'alt="a &quot;curve&quot;"' in page
    for reference in ("http", "url(", "<link", "<script", "@import", "a.png"):
        assert reference not in page


def test_markdown_keeps_a_table_s_columns() -> None:
    text = markdown(BLOCKS)
    assert "| net \\| kind | dB |\n| --- | ---: |\n| net4 | **22.24** |" in text
    assert "- one\n- two" in text
    assert "![what](a.png)" in markdown([Picture("a.png", "what")])
