"""Drawings of a graph of steps, as text: in Graphviz's language, and laid out by hand as SVG."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

__all__ = ["Node", "to_dot", "to_svg"]


class Node(NamedTuple):
    """A box, and the places in the list of the earlier boxes that it uses."""

    title: str
    subtitle: str
    uses: tuple[int, ...]
    kind: str  # one of the keys of _COLOURS


_COLOURS = {"input": "#fdf3dc", "step": "#e8eef7", "constant": "#eeeeee"}


def to_dot(nodes: Sequence[Node]) -> str:
    """The graph in the language of Graphviz."""
    lines = [
        "digraph program {",
        f'  node [shape=box, style="rounded,filled", fontname="Helvetica", fillcolor="{_COLOURS["step"]}"];',
    ]
    for place, node in enumerate(nodes):
        label = "\\n".join(text.replace("\\", "\\\\").replace('"', '\\"') for text in (node.title, node.subtitle))
        colour = "" if node.kind == "step" else f', fillcolor="{_COLOURS[node.kind]}"'
        lines.append(f'  n{place} [label="{label}"{colour}];')
    lines += [f"  n{used} -> n{place};" for place, node in enumerate(nodes) for used in node.uses]
    return "\n".join([*lines, "}"])


_HEIGHT, _GAP, _BETWEEN, _MARGIN = 40, 18, 36, 16  # of a box, beside it, between two layers, around all


def to_svg(nodes: Sequence[Node]) -> str:
    """The graph as a drawing in SVG: each box below all that it uses, an edge around the boxes between its ends."""
    layers = _layers(nodes)
    # Where an edge passes a layer it gets a narrow place of its own there; what follows treats it as a box.
    widths = [max(24.0 + 7 * len(node.title), 24 + 6 * len(node.subtitle)) for node in nodes]
    above: list[list[int]] = [[] for _ in nodes]
    edges = []
    for place, node in enumerate(nodes):
        for used in node.uses:
            path = [used]
            for layer in range(layers[used] + 1, layers[place]):
                layers.append(layer)
                widths.append(6.0)
                above.append([path[-1]])
                path.append(len(layers) - 1)
            above[place].append(path[-1])
            edges.append([*path, place])
    rows: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for place, layer in enumerate(layers):
        rows[layer].append(place)
    centres = _centres(rows, above, widths)
    left = min((centres[place] - widths[place] / 2 for place in centres), default=0.0) - _MARGIN
    right = max((centres[place] + widths[place] / 2 for place in centres), default=0.0) + _MARGIN
    tops = [_MARGIN + layer * (_HEIGHT + _BETWEEN) for layer in layers]
    width, height = round(right - left), 2 * _MARGIN + len(rows) * (_HEIGHT + _BETWEEN) - _BETWEEN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="Helvetica, Arial, sans-serif" text-anchor="middle">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for path in edges:
        points = [(centres[place] - left, float(tops[place])) for place in path]
        parts.append(f'<path d="{_curve(points)}" fill="none" stroke="#666" marker-end="url(#tip)"/>')
    for place, node in enumerate(nodes):
        x, y = centres[place] - left, tops[place]
        parts.append(
            f'<rect x="{x - widths[place] / 2:.1f}" y="{y}" width="{widths[place]:.1f}" height="{_HEIGHT}" rx="6" '
            f'fill="{_COLOURS[node.kind]}" stroke="#8899aa"/>'
            f'<text x="{x:.1f}" y="{y + 17}" font-size="13">{escape(node.title)}</text>'
            f'<text x="{x:.1f}" y="{y + 32}" font-size="10" fill="#555">{escape(node.subtitle)}</text>'
        )
    return "\n".join([*parts, "</svg>"])


def _layers(nodes: Sequence[Node]) -> list[int]:
    """The layer of each box: the length of the longest path to it, or further down right above its first use."""
    layers: list[int] = []
    for node in nodes:
        layers.append(max((layers[used] + 1 for used in node.uses), default=0))
    limits = [len(nodes)] * len(nodes)
    for place in reversed(range(len(nodes))):
        if limits[place] < len(nodes):
            layers[place] = limits[place]
        for used in nodes[place].uses:
            limits[used] = min(limits[used], layers[place] - 1)
    return layers


def _centres(rows: list[list[int]], above: list[list[int]], widths: list[float]) -> dict[int, float]:
    """Where each box stands in its row: first in an order with few crossings, then near what it is joined to."""
    below: list[list[int]] = [[] for _ in above]
    for place, uppers in enumerate(above):
        for upper in uppers:
            below[upper].append(place)
    order = {place: float(i) for row in rows for i, place in enumerate(row)}
    for sweep in range(8):
        beside = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            row.sort(key=lambda place: _mean([order[other] for other in beside[place]], order[place]))
            order.update((place, float(i)) for i, place in enumerate(row))
    centres: dict[int, float] = {}
    for row in rows:
        _spread(row, dict.fromkeys(row, 0.0), widths, centres)
    for sweep in range(12):
        beside = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wished = {place: _mean([centres[other] for other in beside[place]], centres[place]) for place in row}
            _spread(row, wished, widths, centres)
    return centres


def _spread(row: list[int], wished: dict[int, float], widths: list[float], centres: dict[int, float]) -> None:
    """Places the boxes of a row, in their order and without overlap, as near to their wishes as least squares say."""
    offsets = []
    position = 0.0
    for i, place in enumerate(row):
        position += (widths[row[i - 1]] + widths[place]) / 2 + _GAP if i else 0.0
        offsets.append(position)
    # Boxes that push against each other form a block, which stands where the mean of its wishes is.
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(row, offsets, strict=True):
        wish, count = wished[place] - offset, 1
        while blocks and blocks[-1][0] > wish:
            earlier, size = blocks.pop()
            wish, count = (earlier * size + wish * count) / (size + count), size + count
        blocks.append((wish, count))
    starts = [start for start, count in blocks for _ in range(count)]
    centres.update((place, start + offset) for place, start, offset in zip(row, starts, offsets, strict=True))


def _mean(numbers: list[float], default: float) -> float:
    return sum(numbers) / len(numbers) if numbers else default


def _curve(points: list[tuple[float, float]]) -> str:
    """A smooth line from below the first point's row to the last one's, straight down past the rows between."""
    (x, y), *rest = points
    path = f"M{x:.1f} {y + _HEIGHT}"
    y += _HEIGHT
    for i, (nx, ny) in enumerate(rest):
        path += f"C{x:.1f} {y + _BETWEEN / 2:.1f} {nx:.1f} {ny - _BETWEEN / 2:.1f} {nx:.1f} {ny:.1f}"
        x, y = nx, ny
        if i < len(rest) - 1:
            y += _HEIGHT
            path += f"V{y:.1f}"
    return path
