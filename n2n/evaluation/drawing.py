"""Drawing versions of some pictures beside each other."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from n2n.images.files import write_whole

__all__ = ["CELL", "Shown", "draw_pictures"]

CELL, GAP, CAPTION = 240, 12, 22  # pixels
DPI = 100
DETAIL = 120  # pixels: of larger pictures this much is shown, twice as large


class Shown(NamedTuple):
    """A row of `draw_pictures`: its title, and versions of one picture (C, H, W) by name, with captions."""

    title: str
    versions: Mapping[str, Tensor]
    captions: Mapping[str, str]


def draw_pictures(path: Path, rows: Sequence[Shown]) -> None:
    """Writes a PNG with a row for each picture and a column for each version, all of the same names.

    Pixels are enlarged by whole numbers, so that each is seen as it is. Of a picture of more than 120 pixels on a
    side the middle is shown, and first the whole last version with a frame around it.
    """
    whole = any(min(_sides(row)) < max(_sides(row)) or max(_sides(row)) > DETAIL for row in rows)
    columns = [*(["whole picture"] if whole else []), *rows[0].versions]
    height = CELL + CAPTION + GAP
    size = (GAP + len(columns) * (CELL + GAP), 2 * GAP + CAPTION + len(rows) * height)
    figure = Figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
    for column, title in enumerate(columns):
        middle = (GAP + column * (CELL + GAP) + CELL / 2) / size[0]
        lines = "\n".join(textwrap.wrap(title, 34))
        figure.text(middle, 1 - (GAP + CAPTION / 2) / size[1], lines, ha="center", va="center", fontsize=10)
    for number, row in enumerate(rows):
        top = 2 * GAP + CAPTION + number * height
        sides = _sides(row)
        detail = tuple(slice((side - min(side, DETAIL)) // 2, (side + min(side, DETAIL)) // 2) for side in sides)
        if whole:
            axes = _axes(figure, size, 0, top, sides, CELL / max(sides))
            _show(axes, list(row.versions.values())[-1], row.title, "antialiased")
            rows_shown, columns_shown = detail
            corner = (columns_shown.start - 0.5, rows_shown.start - 0.5)
            extent = (columns_shown.stop - columns_shown.start, rows_shown.stop - rows_shown.start)
            axes.add_patch(Rectangle(corner, *extent, fill=False, edgecolor="red", linewidth=1))
        for column, (name, version) in enumerate(row.versions.items()):
            part = version[:, *detail]
            zoom = max(1, CELL // max(part.shape[1:]))
            axes = _axes(figure, size, column + whole, top, part.shape[1:], zoom)
            _show(axes, part, row.captions.get(name, "" if whole else row.title), "nearest")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    write_whole(path, buffer.getvalue())


def _sides(row: Shown) -> tuple[int, int]:
    height, width = next(iter(row.versions.values())).shape[1:]
    return height, width


def _axes(figure: Figure, size: tuple[int, int], column: int, top: int, sides: Sequence[int], zoom: float) -> Any:
    """Axes for a picture of these sides, in the middle of its cell."""
    height, width = round(sides[0] * zoom), round(sides[1] * zoom)
    left = GAP + column * (CELL + GAP) + (CELL - width) // 2
    bottom = size[1] - top - (CELL - height) // 2 - height
    return figure.add_axes((left / size[0], bottom / size[1], width / size[0], height / size[1]))


def _show(axes: Any, image: Tensor, caption: str, interpolation: str) -> None:
    array = image.detach().clamp(0, 1).permute(1, 2, 0).numpy()
    axes.imshow(array.squeeze(-1) if array.shape[-1] == 1 else array, cmap="gray", vmin=0, vmax=1, aspect="auto")
    axes.images[0].set_interpolation(interpolation)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    text = caption.encode(errors="replace").decode()  # a file's name may hold bytes that are no text, and formulas
    axes.set_xlabel(text, fontsize=9, labelpad=4, parse_math=False)
