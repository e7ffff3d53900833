"""What the README counts is counted; its snippets run as doctests."""

import re
from pathlib import Path

from tape.core.registry import registry

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_number_of_primitives_is_the_registrys() -> None:
    (stated,) = re.findall(r"(\d+) primitives stand behind", README)
    assert int(stated) == len(registry)
