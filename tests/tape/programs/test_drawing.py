"""Drawings are text that others can read."""

import itertools
import re
from xml.etree import ElementTree

import torch
from hypothesis import given
from hypothesis import strategies as st

import tape
from tape.programs.drawing import Node, to_dot, to_svg

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    nodes: list[Node] = []
    for place in range(draw(st.integers(0, 12))):
        uses = draw(st.lists(st.integers(0, place - 1), max_size=3, unique=True)) if place else []
        kind = draw(st.sampled_from(["step", "constant"])) if uses else "input"
        nodes.append(Node(draw(st.sampled_from(["a", "add", "repeat_interleave"])), "float32[2, 3]", tuple(uses), kind))
    return nodes


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each box, in the order of the nodes."""
    found = ElementTree.fromstring(svg).findall(f"{SVG}rect")[1:]
    sides = [[float(box.attrib[name]) for name in ("x", "y", "width", "height")] for box in found]
    return [(x, y, x + width, y + height) for x, y, width, height in sides]


def ends(svg: str) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Where each edge begins and where it ends."""
    lines = []
    for path in ElementTree.fromstring(svg).findall(f"{SVG}path"):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]
        lines.append(((numbers[0], numbers[1]), (numbers[-2], numbers[-1])))
    return lines


@given(graphs())
def test_boxes_do_not_overlap_and_lie_inside(nodes: list[Node]) -> None:
    svg = to_svg(nodes)
    root = ElementTree.fromstring(svg)
    placed = boxes(svg)
    assert len(placed) == len(nodes)
    for left, top, right, bottom in placed:
        assert left >= 0
        assert top >= 0
        assert right <= float(root.attrib["width"])
        assert bottom <= float(root.attrib["height"])
    for (left, top, right, _), (other_left, other_top, other_right, _) in itertools.combinations(placed, 2):
        assert top != other_top or right < other_left or other_right < left


@given(graphs())
def test_edges_lead_down_from_what_is_used_to_what_uses_it(nodes: list[Node]) -> None:
    svg = to_svg(nodes)
    placed = boxes(svg)
    expected = [(used, place) for place, node in enumerate(nodes) for used in node.uses]
    for (used, place), (start, end) in zip(expected, ends(svg), strict=True):
        left, top, right, bottom = placed[used]
        assert abs(start[0] - (left + right) / 2) < 0.2
        assert start[1] == bottom
        left, top, right, _ = placed[place]
        assert abs(end[0] - (left + right) / 2) < 0.2
        assert end[1] == top
        assert start[1] < end[1]


def test_an_edge_goes_around_the_boxes_between_its_ends() -> None:
    """In a chain whose first value is used again at the end."""
    chain = [
        Node("x", "", (), "input"),
        *(Node("f", "", (i,), "step") for i in range(3)),
        Node("g", "", (3, 0), "step"),
    ]
    svg = to_svg(chain)
    path = ElementTree.fromstring(svg).findall(f"{SVG}path")[-1].attrib["d"]
    straight = [float(x) for x in re.findall(r"([\d.]+) [\d.]+V", path)]
    assert len(straight) == 3
    for x, (left, _, right, _) in zip(straight, boxes(svg)[1:4], strict=True):
        assert not left <= x <= right


def test_an_input_stands_right_above_its_first_use() -> None:
    nodes = [Node("x", "", (), "input"), Node("w", "", (), "input"), Node("f", "", (0,), "step")]
    nodes += [Node("g", "", (2, 1), "step"), Node("h", "", (3, 1), "step")]
    tops = [top for _, top, _, _ in boxes(to_svg(nodes))]
    assert tops[1] == tops[2] == (tops[0] + tops[3]) / 2


def test_a_drawing_is_small_and_straight_where_it_can_be() -> None:
    nodes = [Node("x", "", (), "input"), Node("f", "", (0,), "step"), Node("g", "", (1,), "step")]
    assert len({(left + right) / 2 for left, _, right, _ in boxes(to_svg(nodes))}) == 1


def test_crossings_are_avoided() -> None:
    nodes = [Node(name, "", (), "input") for name in "abc"]
    nodes += [Node("f", "", (2,), "step"), Node("g", "", (1,), "step"), Node("h", "", (0,), "step")]
    starts_and_ends = sorted((start[0], end[0]) for start, end in ends(to_svg(nodes)))
    assert [end for _, end in starts_and_ends] == sorted(end for _, end in starts_and_ends)


def test_signs_of_the_languages_are_escaped() -> None:
    node = Node('a<b & "c"', "back\\slash", (), "input")
    texts = [text.text for text in ElementTree.fromstring(to_svg([node])).iter(f"{SVG}text")]
    assert texts == ['a<b & "c"', "back\\slash"]
    assert r'[label="a<b & \"c\"\nback\\slash"' in to_dot([node])


@given(graphs())
def test_the_graph_for_graphviz_has_each_node_and_edge_once(nodes: list[Node]) -> None:
    text = to_dot(nodes)
    assert text.startswith("digraph program {\n")
    assert text.endswith("\n}")
    lines = text.splitlines()[2:-1]
    assert [line for line in lines if "->" not in line] == [
        f'  n{place} [label="{node.title}\\nfloat32[2, 3]"{COLOUR[node.kind]}];' for place, node in enumerate(nodes)
    ]
    edges = [f"  n{used} -> n{place};" for place, node in enumerate(nodes) for used in node.uses]
    assert [line for line in lines if "->" in line] == edges


COLOUR = {"step": "", "input": ', fillcolor="#fdf3dc"', "constant": ', fillcolor="#eeeeee"'}


def test_a_program_is_drawn() -> None:
    def f(params: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        values, _ = torch.sort(x @ params["w"])
        return torch.where(values > 0, values, 0.0) * values

    program = tape.trace(f)({"w": torch.ones(3, 4)}, torch.ones(2, 3))
    texts = [text.text for text in ElementTree.fromstring(program.to_svg()).iter(f"{SVG}text")]
    assert texts[::2] == ["argument 0 at w", "argument 1", "matmul", "sort", "gt", "where", "multiply"]
    assert texts[7] == "float32[2, 4], int64[2, 4]"
    edges = re.findall(r"n(\d) -> n(\d)", program.to_dot())
    assert edges == [("1", "2"), ("0", "2"), ("2", "3"), ("3", "4"), ("4", "5"), ("3", "5"), ("5", "6"), ("3", "6")]
